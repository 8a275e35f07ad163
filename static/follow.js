// Follows a list that grows at its top: new rows appear by themselves. Without this file "Refresh" is a link.
"use strict";
(function () {
  var link = document.querySelector("a[data-follow]");
  if (!link) {
    return;
  }
  var SECONDS = 3, MOST = 300;
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

  function put(page) {
    var here = document.getElementById(link.getAttribute("data-follow"));
    var fresh = page.getElementById(here.id);
    var body = here.querySelector("tbody"), rows = Array.from(fresh.querySelectorAll("tbody tr[id]"));
    if (!body || rows.length === 0) {
      here.replaceChildren.apply(here, Array.from(fresh.childNodes));
      return rows.length;
    }
    var added = rows.filter(function (row) {
      return !document.getElementById(row.id);
    });
    added.reverse().forEach(function (row) {
      row.classList.add("fresh");
      body.prepend(row);
    });
    while (body.rows.length > MOST) {
      body.lastElementChild.remove();
    }
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
