// The header that the server wrote into the page: it leaves when Gradio has drawn the same one.
(() => {
  const front = document.getElementById("first-paint");
  const theme = new URLSearchParams(location.search).get("__theme");
  const dark = theme === "dark" || (theme !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
  front.classList.toggle("dark", dark);
  const watched = new MutationObserver(() => {
    if (!document.querySelector("gradio-app .masthead")) return;
    watched.disconnect();
    front.remove();
  });
  watched.observe(document.body, { childList: true, subtree: true });
})();
