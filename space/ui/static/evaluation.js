// Runs once, where the evaluation goes, after links.js. The server draws the bands; this reads them out.

let bands = [], slider, changed = "";

function read(band) {
  const said = band.querySelector("title").textContent;
  element.querySelector(".band.on")?.classList.remove("on");
  band.classList.add("on");
  element.querySelector(".said").textContent = said;
  element.querySelector(".readout .carry").setAttribute("href", band.dataset.link);
  slider.value = bands.indexOf(band) + 1;
  slider.setAttribute("aria-valuetext", said);
}

element.addEventListener("input", (event) => event.target === slider && read(bands[slider.value - 1]));
// Another pair of systems: the server draws the tab again.
element.addEventListener("change", (event) => {
  const pair = event.target.closest(".pair-of");
  if (!pair) return;
  changed = `.pair-of .${event.target.className}`;
  trigger("select", { system: pair.querySelector(".system").value, reference: pair.querySelector(".reference").value });
});
element.addEventListener("click", (event) => {
  const band = event.target.closest(".band");
  if (band) read(band);
  const link = carried(event);
  if (link) trigger("click", { link });
});
watch("value", () => {
  bands = [...element.querySelectorAll(".band")];
  slider = element.querySelector(".pick");
  if (bands.length) read(bands[0]);
  if (changed) element.querySelector(changed)?.focus({ preventScroll: true });
  changed = "";
});
