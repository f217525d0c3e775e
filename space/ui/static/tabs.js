// Runs when a tab is opened, after links.js. Sets the address of a tab without results; for a tab with results, results.js
// sets the address of the results, and while there are none the address is that of the page.

function tabOpened(tab, withResults) {
  if (!withResults.includes(tab)) {
    page.dataset.tab = tab;
    showAddress(`?tab=${tab}`);
  } else if (page.dataset.tab) {
    // Only if such a tab was open before: on arrival the first tab opens before the server has read the address.
    if (new URLSearchParams(location.search).get("tab") === page.dataset.tab) showAddress("");
    delete page.dataset.tab;
  }
  if (withResults.includes(tab)) carryQuery(tab);
}

// A query that was asked on one tab goes along to another one that shows none yet.
function carryQuery(tab) {
  const areas = [...document.querySelectorAll(".e5-out")];
  const shown = areas.some((area) => area.querySelector(`.share .copy[data-link*="tab=${tab}"]`));
  const link = document.querySelector(`.e5-out .share .carry[href*="tab=${tab}"]`);
  if ("acted" in page.dataset && !shown) link?.click();
}
