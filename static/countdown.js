// Keeps "12 min left" true while a page stays open. Counts from what the server said, so that a
// wrong clock in the browser does not matter.
"use strict";
(function () {
  var shown = Date.now();
  function tick() {
    var passed = Math.floor((Date.now() - shown) / 60000);
    document.querySelectorAll("time[data-minutes]").forEach(function (clock) {
      var left = Number(clock.getAttribute("data-minutes")) - passed;
      var text = left > 0 ? left + " min left" : left === 0 ? "under a minute left" : "time is up";
      if (clock.textContent !== text) {
        clock.textContent = text;
      }
    });
  }
  setInterval(tick, 5000);
  document.addEventListener("visibilitychange", tick);
})();
