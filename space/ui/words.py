"""The page's own words in Russian, for those whose browser asks for it. Knows no component and no result.

A text is its own key: English stands in the code where it is used, its Russian here, and what is not here stays
English. Labels of components are translated by Gradio, through ``label``. HTML is written once, in English, by pure
functions that know no language; words.js puts the Russian in its place in the visitor's browser, before it is painted,
where Gradio's own choice of language says so. So the two never differ, and nothing on the server depends on a visitor.

In a phrase a lower-case letter such as ``{n}`` stands for a number, another lower-case name for any text, which stays
as it is, and an upper-case one for words of ours, which are translated in turn. What a data set or a visitor supplies
is kept out by its ``lang``, or by ``translate="no"``, which browsers' own translators heed as well.

English stay: what the engine says of a wrong value, names of metrics and labels, the sentence that sums up an
explanation, remarks on method, numbers and dates as they are written, and the documentation of the endpoints.
"""

import json

import gradio as gr
from gradio.i18n import I18nData

from space.ui.static import script

#: What components say.
LABELS = {
    # tabs
    "Search": "Поиск",
    "Compare": "Сравнить",
    "Try your own": "Свои товары",
    "Evaluation": "Оценка",
    "Data": "Данные",
    "Statistics": "Статистика",
    # form
    "Query": "Запрос",
    "What are you looking for?": "Что вы ищете?",
    "Results": "Товаров",
    "System": "Система",
    "Columns": "Столбцы",
    "Fine-tuned": "Дообученная",
    "Base": "Исходная",
    "BM25": "BM25",
    "Hybrid": "Гибрид",
    "Locale": "Локаль",
    "Brand": "Бренд",
    "Colour": "Цвет",
    "Category": "Категория",
    "Price from": "Цена от",
    "Price to": "Цена до",
    "Rating": "Рейтинг",
    "Any": "Все",
    "any": "любая",
    "any · known of": "любая · известна у",
    "Fold near-duplicates": "Без повторов",
    "Same but for size or colour": "Иной лишь размер или цвет",
    # picker
    "Sorted by": "Порядок",
    "Largest win": "Больше всего лучше",
    "Largest loss": "Больше всего хуже",
    "A–Z": "А–Я",
    "Containing": "Содержит",
    "All queries": "Все запросы",
    # own products
    "Your table": "Ваша таблица",
    "Load this table": "Загрузить",
    "Use an example": "Взять пример",
    "Forget it": "Удалить",
    "What are you looking for in your catalogue?": "Что ищем в вашем каталоге?",
}
#: What HTML says, beside the above.
PHRASES = {
    # header
    "Did fine-tuning help, on what, and can I trust it?": "Помогло ли дообучение, на чём и можно ли этому верить?",
    "Catalogue": "Каталог",
    "{n} products": "товаров: {n}",
    "{n} product": "товаров: {n}",
    "sample": "образец",
    "Embeddings": "Эмбеддинги",
    "Runs on": "Работает на",
    "Revision": "Ревизия",
    "Fingerprint": "Отпечаток",
    "Dimensions": "Размерность",
    "Tokens read": "Читает токенов",
    "Precision": "Точность чисел",
    "Measured:": "Измерено:",
    "This is a made-up sample: its shop, products, brands, prices, queries and judgments are all invented.": (
        "Это вымышленный образец: магазин, товары, бренды, цены, запросы и оценки придуманы."
    ),
    "Query is empty: type what you are looking for": "Запрос пуст: введите, что вы ищете",
    # around the form
    "Try": "Примеры",
    "More options": "Ещё параметры",
    "Fewer options": "Скрыть параметры",
    "Type a query, or try one of the examples: the closest products appear here, best first.": (
        "Введите запрос или выберите пример: здесь появятся ближайшие товары, лучшие сверху."
    ),
    "One query, several systems: see what fine-tuning moved up, moved down, brought in and lost, beside plain BM25.": (
        "Один запрос, несколько систем: видно, что дообучение подняло, опустило, добавило и потеряло; рядом — BM25."
    ),
    "Not all of this link could be used:": "Не всё в этой ссылке удалось применить:",
    "Nothing found.": "Ничего не найдено.",
    "No product is left by these filters. Set one of them back to “Any”.": (
        "Под эти фильтры не подходит ни один товар. Верните один из них к «Все»."
    ),
    "No product is left by the filters.": "Под эти фильтры не подходит ни один товар.",
    "No product searched shares a word with this. The encoders do not need shared words: try Fine-tuned.": (
        "Ни у одного из просмотренных товаров нет общих слов с этим. Энкодерам они не нужны: попробуйте дообученную."
    ),
    "No product searched shares a word with this.": "Ни у одного из просмотренных товаров нет общих слов с этим.",
    # above the results
    "Compare this query": "Сравнить по этому запросу",
    "Search this query": "Искать этот запрос",
    "Back to “{query}”": "Назад к «{query}»",
    "Copy link": "Копировать ссылку",
    "Link copied": "Ссылка скопирована",
    "Copy it from here:": "Скопируйте отсюда:",
    "Link to these results": "Ссылка на эту выдачу",
    "Export": "Скачать",
    "Only": "Только",
    "for": "по запросу",
    "and {n} near-duplicates for": "и почти таких же: {n} — по запросу",
    "and {n} near-duplicate for": "и почти таких же: {n} — по запросу",
    "and {n} near-duplicates like it by {SYSTEM}": "и почти таких же: {n} · похожие · {SYSTEM}",
    "and {n} near-duplicate like it by {SYSTEM}": "и почти таких же: {n} · похожие · {SYSTEM}",
    "like it by {SYSTEM}": "похожие · {SYSTEM}",
    "by {SYSTEM}": "· {SYSTEM}",
    "encode {n} ms · search {m} ms · total {k} ms": "кодирование {n} мс · поиск {m} мс · всего {k} мс",
    "search {n} ms · total {m} ms": "поиск {n} мс · всего {m} мс",
    "{counts} · {n} unjudged": "{counts} · без оценки: {n}",
    "{n} unjudged": "без оценки: {n}",
    # cards
    "Rank": "Место",
    "(no title)": "(без названия)",
    "Why?": "Почему?",
    "Why? {title}": "Почему? {title}",
    "More like this": "Похожие",
    "More like": "Похожие на",
    "+{n} similar": "ещё похожих: {n}",
    "unjudged": "без оценки",
    "Nobody judged this product for this query": "Этот товар никто не оценивал для этого запроса",
    "Judged Exact: fulfils the query": "Оценка Exact (точное соответствие): отвечает запросу",
    "Judged Substitute: not quite what was asked for, but could do": (
        "Оценка Substitute (замена): не совсем то, что искали, но подойдёт"
    ),
    "Judged Complement: is used together with what was asked for": (
        "Оценка Complement (дополнение): используется вместе с тем, что искали"
    ),
    "Judged Irrelevant: something else": "Оценка Irrelevant (не подходит): другой товар",
    "cosine": "косинус",
    "BM25 score": "балл BM25",
    "fused score": "общий балл",
    "score": "балл",
    "Exact pairs": "пар Exact",
    "random pairs": "случайных пар",
    "above {n} % of {PAIRS}": "выше {n} % {PAIRS}",
    "above all of {PAIRS}": "выше всех {PAIRS}",
    "above none of {PAIRS}": "не выше {PAIRS}",
    "{SCORE}; compares within this list only": "{SCORE}; сравним только внутри этого списка",
    "{SCORE} {n}: above {k} % of {m} {PAIRS} ({MEANING})": "{SCORE} {n}: выше {k} % из {m} {PAIRS} ({MEANING})",
    "the same encoder's cosines of held-out queries and products judged Exact for them": (
        "косинусы того же энкодера для отложенных запросов и товаров с оценкой Exact"
    ),
    "the same encoder's cosines of titles and products that have nothing to do with them": (
        "косинусы того же энкодера для названий и не связанных с ними товаров"
    ),
    "price {n}": "цена {n}",
    "★ {stars} · price {n}": "★ {stars} · цена {n}",
    "Product": "Товар",
    "Price": "Цена",
    "Ratings": "Отзывов",
    "In points": "Описание",
    # comparison
    "From base to fine-tuned:": "От исходной к дообученной:",
    "{n} moved up, {m} moved down, {k} unchanged, {j} new, {i} left.": (
        "выше {n}, ниже {m}, без изменений {k}, новых {j}, выпало {i}."
    ),
    "What fine-tuning moved is shown where both Base and Fine-tuned are.": (
        "Что сдвинуло дообучение, видно, когда включены исходная и дообученная модели."
    ),
    "Overlap@{n}": "Пересечение@{n}",
    "{n} of {m} in common": "общих {n} из {m}",
    "{n} of {m} in common with Fine-tuned": "общих с дообученной: {n} из {m}",
    "Rank-biased overlap: 1 for the same order, 0 for nothing in common; the top weighs most": (
        "Rank-biased overlap: 1 — тот же порядок, 0 — ничего общего; верх списка весит больше"
    ),
    "View": "Вид",
    "Lists": "Списки",
    "Table": "Таблица",
    "Ranks by product": "Места по товарам",
    "Label": "Оценка",
    "not listed": "нет в списке",
    "No figures: nobody judged this query, or no judged product is left by the filters.": (
        "Метрик нет: запрос никто не оценивал, или фильтры не оставили оценённых товаров."
    ),
    "{n} judged products, {m} of them Exact; unjudged counts as 0. {BASIS}": (
        "Оценённых товаров: {n}, из них Exact: {m}; без оценки — 0. {BASIS}"
    ),
    "{n} judged product, {m} of them Exact; unjudged counts as 0. {BASIS}": (
        "Оценённых товаров: {n}, из них Exact: {m}; без оценки — 0. {BASIS}"
    ),
    "As in the evaluation, all products of one locale were searched.": (
        "Как и в оценке, поиск шёл по всем товарам одной локали."
    ),
    "All locales were searched at once; the evaluation keeps to one, which the filter does too.": (
        "Поиск шёл по всем локалям сразу; в оценке локаль одна — её можно задать фильтром."
    ),
    "Only what passes the filters was searched and counts, so this does not compare with the evaluation.": (
        "Поиск и подсчёт — только по тому, что прошло фильтры, поэтому с оценкой это не сравнить."
    ),
    "Against the best order there could be": "По сравнению с наилучшим порядком",
    "Share of the Exact products that are in the list": "Доля товаров Exact, попавших в список",
    "Whether the first is Exact": "Оценён ли первый как Exact",
    "Against base": "По сравнению с исходной",
    "yes": "да",
    "no": "нет",
    "new": "новый",
    "left": "выпал",
    "only here": "только здесь",
    "Up {n} place against base": "Выше, чем у исходной; мест: {n}",
    "Up {n} places against base": "Выше, чем у исходной; мест: {n}",
    "Down {n} place against base": "Ниже, чем у исходной; мест: {n}",
    "Down {n} places against base": "Ниже, чем у исходной; мест: {n}",
    "up {n} place against base": "выше, чем у исходной; мест: {n}",
    "up {n} places against base": "выше, чем у исходной; мест: {n}",
    "down {n} place against base": "ниже, чем у исходной; мест: {n}",
    "down {n} places against base": "ниже, чем у исходной; мест: {n}",
    "Same rank as base": "То же место, что у исходной",
    "same rank as base": "то же место, что у исходной",
    "Not in the list of base": "Нет в списке исходной",
    "not in the list of base": "нет в списке исходной",
    "Not in the list of fine-tuned": "Нет в списке дообученной",
    "not in the list of fine-tuned": "нет в списке дообученной",
    "In no other list beside this one": "Нет ни в одном другом списке",
    "in no other list beside this one": "нет ни в одном другом списке",
    "Also at {n} in {SYSTEM}": "Есть и здесь: {SYSTEM}, место {n}",
    "also at {n} in {SYSTEM}": "есть и здесь: {SYSTEM}, место {n}",
    "Fine-tuned {n}": "Дообученная {n}",
    "Base {n}": "Исходная {n}",
    "Hybrid {n}": "Гибрид {n}",
    # held-out queries
    "Pick one of {n} held-out queries: {m} better · {k} worse · {j} the same": (
        "Выберите отложенный запрос из {n}: лучше {m} · хуже {k} · так же {j}"
    ),
    "Pick one of {n} judged queries": "Выберите оценённый запрос из {n}",
    "Difference in {metric}, fine-tuned minus base, full catalogue": (
        "Разница {metric}: дообученная минус исходная, полный каталог"
    ),
    "{n} of {m}": "{n} из {m}",
    "Show more": "Показать ещё",
    "Held-out queries": "Отложенные запросы",
    "Held-out query": "Отложенный запрос",
    "Judged query": "Оценённый запрос",
    "of {n}, best to worst:": "из {n}, от лучшего к худшему:",
    "{metric} in the evaluation": "{metric} в оценке",
    "‹ Previous": "‹ Назад",
    "Next ›": "Вперёд ›",
    # why
    "Why this result?": "Почему этот товар?",
    "Close": "Закрыть",
    "Leaving out one part after the other…": "Убираем по одной части…",
    "No answer came. Close this, and try again.": "Ответа нет. Закройте окно и попробуйте ещё раз.",
    "{SYSTEM} gives it a {SCORE} of": "{SYSTEM} даёт: {SCORE}",
    "What each field of the product adds": "Вклад полей товара",
    "What each word of the query adds": "Вклад слов запроса",
    "What each term adds": "Вклад терминов",
    "What each ranking adds": "Вклад каждой выдачи",
    "Title": "Название",
    "Bullet points": "Описание по пунктам",
    "These add up to the score.": "В сумме они дают балл.",
    # evaluation
    "Full catalogue": "Полный каталог",
    "Judged products only": "Только оценённые товары",
    "{SENTENCE}.": "{SENTENCE}.",
    "Fine-tuning helped": "Дообучение помогло",
    "Fine-tuning: no clear difference, the interval holds zero": (
        "Дообучение: явной разницы нет, интервал содержит ноль"
    ),
    "Fine-tuning: worse, though not clearly, the interval holds zero": (
        "Дообучение: хуже, хотя и не явно, интервал содержит ноль"
    ),
    "BM25 and fusion": "BM25 и слияние",
    "{SIDES}: {WORD}, {METRIC} {n}, 95 % interval {m} to {k}.": (
        "{SIDES}: {WORD}, {METRIC} {n}, 95-процентный интервал от {m} до {k}."
    ),
    "no clear difference": "явной разницы нет",
    "Outside the shop": "За пределами магазина",
    "{n} won · {m} lost · {k} tied": "лучше {n} · хуже {m} · поровну {k}",
    "the number to decide by": "решающее число",
    "Random": "Случайная",
    "Mean [95 % interval]": "Среднее [интервал 95 %]",
    "System − Base": "Δ к исходной",
    "Paired difference": "Парная разница",
    "better": "лучше",
    "worse": "хуже",
    "unclear": "неясно",
    "too few": "слишком мало",
    "The whole 95 % interval is above zero": "Весь 95-процентный интервал выше нуля",
    "The whole 95 % interval is below zero": "Весь 95-процентный интервал ниже нуля",
    "What a label is worth": "Сколько стоит метка",
    "Query by query": "Запрос за запросом",
    "Largest gains": "Самые большие улучшения",
    "Largest losses": "Самые большие ухудшения",
    "Slices": "Срезы",
    "Slice": "Срез",
    "Training": "Обучение",
    "Encoders": "Энкодеры",
    "Settings": "Настройки",
    "Nothing has been measured here.": "Здесь ничего не измерено.",
    "Over {n} held-out queries, nDCG@10 in the full catalogue went from {m} to": (
        "На отложенных запросах ({n}) nDCG@10 в полном каталоге изменился с {m} до"
    ),
    "on average, 95 % interval {n} to {m}.": "в среднем, 95-процентный интервал от {n} до {m}.",
    "For scale: a random order {n}, BM25 {m}, fine-tuned and BM25 fused {k}.": (
        "Для сравнения: случайный порядок {n}, BM25 {m}, дообученная вместе с BM25 {k}."
    ),
    "How well all judged products are ordered; 1 is the best order possible.": (
        "Насколько хорош порядок всех оценённых товаров; 1 — наилучший возможный."
    ),
    "How much gain the first ten hold, the earlier the better; 1 is the best possible.": (
        "Сколько пользы в первой десятке: чем выше, тем лучше; 1 — лучшее возможное."
    ),
    "Share of a query’s Exact products among the first hundred.": "Доля товаров Exact запроса в первой сотне.",
    "One over the rank of the first Exact product; 0 beyond the tenth.": (
        "Единица, делённая на место первого товара Exact; после десятого — 0."
    ),
    "How often the very first product is Exact.": "Как часто самый первый товар — Exact.",
    "{TITLE}, {metric}: each system": "{TITLE}, {metric}: каждая система",
    "{TITLE}, {metric}: paired differences from base": "{TITLE}, {metric}: парные разницы с исходной",
    "issue {n}": "обсуждение {n}",
    "and": "и",
    "Each bar is one of {n} held-out queries: fine-tuned minus base in full-catalogue nDCG@10, the largest gain "
    "first. Pick a bar, or move the slider, to read its query.": (
        "Каждый столбик — один из отложенных запросов ({n}): дообученная минус исходная, nDCG@10 в полном каталоге, "
        "самое большое улучшение слева. Выберите столбик или сдвиньте ползунок, чтобы прочитать запрос."
    ),
    "Differences of {n} held-out queries: {m} above zero, {k} below.": (
        "Разницы по отложенным запросам ({n}): выше нуля {m}, ниже {k}."
    ),
    "Query, by its difference": "Запрос по величине разницы",
    "{n}, from {m} to {k}": "{n}, с {m} до {k}",
    "{n} of {m}: {query}, from {k} to {j}": "{n} из {m}: {query}, с {k} до {j}",
    "Fine-tuned minus base by slice": "Дообученная минус исходная по срезам",
    "Full-catalogue nDCG@10": "nDCG@10, полный каталог",
    "full-catalogue nDCG@10": "nDCG@10, полный каталог",
    "Judged nDCG": "nDCG по оценённым",
    "judged nDCG": "nDCG по оценённым",
    "Query length": "Длина запроса",
    "{n} queries": "запросов: {n}",
    "{n} query": "запросов: {n}",
    "1–2 words": "1–2 слова",
    "3–4 words": "3–4 слова",
    "5 words or more": "5 слов и больше",
    "No slice of at least {n} queries is clearly worse than base.": (
        "Ни один срез хотя бы из {n} запросов не стал явно хуже исходной."
    ),
    "{n} → {m} · {RECORD}": "{n} → {m} · {RECORD}",
    "Loss by step: {n} at the start, {m} at the end.": "Функция потерь по шагам: {n} в начале, {m} в конце.",
    "each logged step": "каждый записанный шаг",
    "a tenth of the run averaged": "среднее за десятую часть",
    "step {n}": "шаг {n}",
    "Examples": "Примеров",
    "Steps": "Шагов",
    "Weights kept of step": "Сохранены веса шага",
    "Time": "Время",
    "Speed": "Скорость",
    "{n} s": "{n} с",
    "{n} min": "{n} мин",
    "{n} h": "{n} ч",
    "Memory at most": "Память, не больше",
    "{n} GB": "{n} ГБ",
    "{n} examples/s": "{n} примеров/с",
    "Device": "Устройство",
    "Computed in": "Точность вычислений",
    "TensorBoard run": "Запуск в TensorBoard",
    "Data set": "Набор данных",
    "Learned from": "Обучение на",
    "{n} judgments": "оценок: {n}",
    "{n} judgment": "оценок: {n}",
    "Their judgments": "Их оценок",
    "Model": "Модель",
    "Note": "Примечание",
    "none": "нет",
    "Answering here": "Отвечает здесь",
    "the same weights": "те же веса",
    "Prompts": "Префиксы",
    "All {n} settings of train.py": "Все настройки train.py: {n}",
    # data
    "Counting what is in the data …": "Считаем, что есть в данных …",
    "Products": "Товары",
    "Queries, {split}": "Запросы, {split}",
    "Judgments, {split}": "Оценки, {split}",
    "Labels, {split}": "Метки, {split}",
    "All locales": "Все локали",
    "What the labels mean": "Что означают метки",
    "How many and how long": "Сколько и какой длины",
    "Locales, brands, colours": "Локали, бренды, цвета",
    "Locales": "Локали",
    "Brands": "Бренды",
    "Colours": "Цвета",
    "all others": "все остальные",
    "Missing fields": "Незаполненные поля",
    "Picture": "Изображение",
    "Number of ratings": "Число отзывов",
    "The lexical baseline": "Лексический ориентир",
    "{n} a query": "{n} на запрос",
    "{n} products judged for {m} queries": "товаров с оценкой: {n}, запросов: {m}",
    "One product of each label, for a few queries of {split}": (
        "По товару на каждую метку, для нескольких запросов {split}"
    ),
    "Words are what stands between spaces, so that a Japanese text counts as few": (
        "Слова — то, что между пробелами, поэтому в японском тексте их мало"
    ),
    "Judgments per query, {split}": "Оценок на запрос, {split}",
    "Characters per query, {split}": "Символов в запросе, {split}",
    "Words per query, {split}": "Слов в запросе, {split}",
    "Characters per title": "Символов в названии",
    "Words per title": "Слов в названии",
    "Median": "Медиана",
    ", 95 % have up to": ", у 95 % не больше",
    ", the largest": ", наибольшее",
    "{n} and more": "{n} и больше",
    "{n} to {m}: {k}": "от {n} до {m}: {k}",
    "{n} and more: {m}": "{n} и больше: {m}",
    "Products each, and their share of the catalogue": "Число товаров и доля в каталоге",
    "{n} different": "разных: {n}",
    "No product has one.": "Нет ни у одного товара.",
    "Products without a value; blank counts as none": "Товары без значения; пустое значит, что его нет",
    "BM25 on the held-out queries, with 95 % intervals: what an encoder has to beat": (
        "BM25 на отложенных запросах, с 95-процентными интервалами: то, что энкодер должен превзойти"
    ),
    "In the full catalogue": "В полном каталоге",
    "Among the judged products": "Среди оценённых товаров",
    "Random order": "Случайный порядок",
    # statistics
    "Adding up …": "Подсчёт …",
    "Nothing is counted here: this page was started without a file for its counts (--usage-file).": (
        "Здесь ничего не подсчитывается: страница запущена без файла для счётчиков (--usage-file)."
    ),
    "Nothing to show yet: search for something, open a product, and come back.": (
        "Пока показывать нечего: найдите что-нибудь, откройте товар и вернитесь."
    ),
    "Searches": "Поисков",
    "Products shown": "Показано товаров",
    "Products opened": "Открыто товаров",
    "Shown most": "Чаще всего показаны",
    "Opened most": "Чаще всего открыты",
    "Asked most": "Частые запросы",
    "Searches a day": "Поисков в день",
    "Shown": "Показан",
    "Opened": "Открыт",
    "Rate": "Доля",
    "{n} a search": "{n} на поиск",
    "{n} % of those shown": "{n} % показанных",
    "Opened, of those shown": "Открыты из показанных",
    "What was asked is not kept. The owner of this page would have to turn that on (--log-queries).": (
        "Сами запросы не хранятся. Владелец страницы может это включить (--log-queries)."
    ),
    "Nobody has opened a product yet. A click on a title does it.": (
        "Товаров ещё никто не открывал. Для этого нажмите на название."
    ),
    # own products
    "Paste a table or choose a CSV file: at most {n} rows and {m} MB, separated by comma, semicolon or tab. The first "
    "line names the columns:": (
        "Вставьте таблицу или выберите файл CSV: до {n} строк и {m} МБ, разделители — запятая, точка с запятой или "
        "табуляция. В первой строке — названия столбцов:"
    ),
    "or": "или",
    ", and if you have them": ", а если есть, то и",
    ". It stays in this server’s memory for this visit, an hour at most, and is never written to its disk.": (
        ". Таблица хранится в памяти сервера только на время визита, не дольше часа, и не записывается на диск."
    ),
    "Choose a CSV file, or drop it here": "Выберите файл CSV или перетащите его сюда",
    "Your products, found by base, fine-tuned and BM25 side by side, appear here.": (
        "Здесь появятся ваши товары: исходная, дообученная модель и BM25 рядом."
    ),
    "Now ask for something in it.": "Теперь спросите что-нибудь.",
    "Forgotten: nothing of it is left on this server.": "Удалено: на этом сервере ничего не осталось.",
}
_LANGUAGE = "language"  # a key that says, where it is shown, which of the two is in force
I18N = gr.I18n(en={_LANGUAGE: "en", **{text: text for text in LABELS}}, ru={_LANGUAGE: "ru", **LABELS})


def label(text: str) -> I18nData:
    """A component's text in the visitor's language; as ``str`` where a choice wants one.

    Raises:
        KeyError: there is no Russian for it.
    """
    LABELS[text]
    return I18N(text)


def build_words() -> None:
    """Place what translates the HTML of the page where the caller's context is; before that, so that none is seen."""
    phrases = json.dumps(LABELS | PHRASES, ensure_ascii=False)
    gr.HTML(
        I18N(_LANGUAGE),
        apply_default_css=False,
        elem_classes="e5-words",
        js_on_load=script("words").replace("RUSSIAN", phrases),
    )
