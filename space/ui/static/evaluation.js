// Runs once, where the evaluation goes, after links.js. The server draws the bands; this reads them out.

let bands = [], slider;

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
});
