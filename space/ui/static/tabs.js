// Runs when a tab is opened; links.js stands before it. A tab without results has the address of the tab. To one with
// results results.js gives the address of those; to one that has none yet belongs that of the page.

function tabOpened(tab, withResults) {
  const page = document.documentElement;
  if (!withResults.includes(tab)) {
    page.dataset.tab = tab;
    showAddress(`?tab=${tab}`);
  } else if (page.dataset.tab) {
    // Only after one of the others was open: on arrival the first tab is opened before the server has read the address.
    if (new URLSearchParams(location.search).get("tab") === page.dataset.tab) showAddress("");
    delete page.dataset.tab;
  }
}
