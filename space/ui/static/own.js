// Runs once. Reads the chosen file here and sends what is in it: an upload would be written to the server's disk.

const input = element.querySelector("input"), area = element.querySelector(".choose");

function send(file) {
  if (!file) return;
  const sent = { name: file.name, size: file.size };
  if (file.size > MAX_BYTES) {
    trigger("upload", sent); // it is refused by its size
    return;
  }
  const reader = new FileReader();
  reader.addEventListener("load", () => trigger("upload", { ...sent, data: reader.result }));
  reader.addEventListener("error", () => trigger("upload", { ...sent, data: "unreadable" }));
  reader.readAsDataURL(file);
}

input.addEventListener("change", () => {
  send(input.files[0]);
  input.value = ""; // so that the same file, mended, can be chosen again
});
for (const name of ["dragenter", "dragover", "dragleave", "drop"]) {
  area.addEventListener(name, (event) => {
    event.preventDefault();
    area.classList.toggle("over", name === "dragenter" || name === "dragover");
    if (name === "drop") send(event.dataTransfer.files[0]);
  });
}
