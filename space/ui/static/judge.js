// Runs once for the list of a rater's own judgments: "Change" opens the pair again.
element.addEventListener("click", (event) => {
  const button = event.target.closest(".again");
  if (button) trigger("click", { ...button.dataset });
});
