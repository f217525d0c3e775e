// Runs once. Reads the chosen file in the browser and sends its content, since Gradio writes an upload to the disk.

const input = element.querySelector("input"), area = element.querySelector(".choose");

function send(file) {
  if (!file) return;
  const sent = { name: file.name, size: String(file.size) };
  if (file.size > MAX_BYTES) {
    trigger("upload", sent); // the server refuses it by its size
    return;
  }
  const reader = new FileReader();
  reader.addEventListener("load", () => trigger("upload", { ...sent, data: reader.result }));
  reader.addEventListener("error", () => trigger("upload", { ...sent, data: "unreadable" }));
  reader.readAsDataURL(file);
}

input.addEventListener("change", () => {
  send(input.files[0]);
  input.value = ""; // so that the same file can be chosen again after a change
});
for (const name of ["dragenter", "dragover", "dragleave", "drop"]) {
  area.addEventListener(name, (event) => {
    event.preventDefault();
    area.classList.toggle("over", name === "dragenter" || name === "dragover");
    if (name === "drop") send(event.dataTransfer.files[0]);
  });
}
