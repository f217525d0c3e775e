"""The kinds of error whose message is meant for the user."""


class UserError(ValueError):
    """Something the user can cure; the message is one sentence that names parameter, value and cure."""


class QueryError(UserError):
    """A request that cannot be answered; the message is for the visitor."""
