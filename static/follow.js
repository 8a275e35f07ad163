// Follows a list that grows at its top: new rows appear by themselves. Without this file "Refresh" is a link.
"use strict";
(function () {
  var link = document.querySelector("a[data-follow]");
  if (!link) {
    return;
  }
  var SECONDS = 3, MAX_EVENTS = 300;
  var button = document.createElement("button");
  button.type = "button";
  button.className = "button";
  button.setAttribute("aria-pressed", "false");
  button.textContent = "Follow";
  link.after(button);
  var running = null, timer = 0;

  function following() {
    return button.getAttribute("aria-pressed") === "true";
  }

  // The address of the page, as its filters stand now; not a later page of the list.
  function address() {
    var url = new URL(location.href);
    url.searchParams.delete("before");
    return url.href;
  }

  // Other scripts prepare what was added, see times.js.
  function shown() {
    document.dispatchEvent(new CustomEvent("understudy:shown"));
  }

  function put(page) {
    var here = document.getElementById(link.getAttribute("data-follow"));
    var fresh = page.getElementById(here.id);
    // Each event is a table body of its own: its row, and the row with its details.
    var table = here.querySelector("table"), entries = Array.from(fresh.querySelectorAll("tbody.entry"));
    if (!table || entries.length === 0) {
      here.replaceChildren.apply(here, Array.from(fresh.childNodes));
      shown();
      return entries.length;
    }
    var added = entries.filter(function (entry) {
      return !document.getElementById(entry.rows[0].id);
    });
    added.reverse().forEach(function (entry) {
      entry.classList.add("fresh");
      table.tHead.after(entry);
    });
    while (table.tBodies.length > MAX_EVENTS) {
      table.tBodies[table.tBodies.length - 1].remove();
    }
    shown();
    return added.length;
  }

  function look() {
    if (!following() || document.hidden) {
      return;
    }
    running = new AbortController();
    fetch(address(), { headers: { accept: "text/html" }, redirect: "manual", signal: running.signal })
      .then(function (answer) {
        if (answer.type === "opaqueredirect" || !answer.ok) {
          throw new Error("not there");
        }
        return answer.text();
      })
      .then(function (text) {
        var added = following() ? put(new DOMParser().parseFromString(text, "text/html")) : 0;
        if (added > 0) {
          document.getElementById("news").textContent = added === 1 ? "1 new event" : added + " new events";
        }
        again();
      })
      .catch(function (problem) {
        if (problem.name !== "AbortError") {
          stop();
          document.getElementById("news").textContent = "No longer following: the server does not answer.";
        }
      });
  }

  function again() {
    clearTimeout(timer);
    timer = setTimeout(look, SECONDS * 1000);
  }

  function stop() {
    clearTimeout(timer);
    if (running) {
      running.abort();
    }
    button.setAttribute("aria-pressed", "false");
    button.textContent = "Follow";
  }

  button.addEventListener("click", function () {
    if (following()) {
      stop();
    } else {
      button.setAttribute("aria-pressed", "true");
      button.textContent = "Following";
      look();
    }
  });
  document.addEventListener("visibilitychange", function () {
    if (following() && !document.hidden) {
      look();
    }
  });
})();
