// Search as you type, the check before a click, and copying. Without this file every form still works.
"use strict";
(function () {
  // A form with data-live="a b" is sent by GET while it is filled in; the elements a and b of the
  // answer replace those of the page.
  function follow(form) {
    var parts = form.getAttribute("data-live").split(" ");
    var timer = 0, running = null, shown = address();

    function address() {
      var wanted = new URLSearchParams();
      new FormData(form).forEach(function (value, name) {
        if (value !== "") {
          wanted.append(name, value);
        }
      });
      var query = wanted.toString();
      return form.getAttribute("action") + (query ? "?" + query : "");
    }

    function put(page) {
      parts.forEach(function (id) {
        var old = document.getElementById(id), fresh = page.getElementById(id);
        if (old && fresh && !old.contains(document.activeElement)) {
          old.replaceChildren.apply(old, Array.from(fresh.childNodes));
        }
      });
      ready(document);
    }

    function update() {
      var url = address();
      if (url === shown) {
        return;
      }
      shown = url;
      if (running) {
        running.abort();
      }
      running = new AbortController();
      form.setAttribute("aria-busy", "true");
      fetch(url, { headers: { accept: "text/html" }, redirect: "manual", signal: running.signal })
        .then(function (answer) {
          if (answer.type === "opaqueredirect" || answer.status >= 500) {
            location.assign(url);
          }
          return answer.text();
        })
        .then(function (text) {
          put(new DOMParser().parseFromString(text, "text/html"));
          history.replaceState(null, "", url);
          form.removeAttribute("aria-busy");
        })
        .catch(function (problem) {
          if (problem.name !== "AbortError") {
            form.removeAttribute("aria-busy");
            shown = "";
          }
        });
    }

    form.addEventListener("input", function () {
      clearTimeout(timer);
      timer = setTimeout(update, 180);
    });
    form.addEventListener("change", update);
    form.addEventListener("submit", function (event) {
      var way = event.submitter && event.submitter.getAttribute("formmethod");
      if (!way) {
        event.preventDefault();
        clearTimeout(timer);
        update();
      }
    });
  }

  function ready(where) {
    where.querySelectorAll("[data-copy]").forEach(function (button) {
      button.hidden = !navigator.clipboard;
    });
  }

  document.addEventListener("click", function (event) {
    var button = event.target.closest("[data-copy]");
    if (!button) {
      return;
    }
    var field = document.getElementById(button.getAttribute("data-copy"));
    navigator.clipboard.writeText(field.value === undefined ? field.textContent : field.value).then(function () {
      var word = button.firstChild.nodeValue;
      button.firstChild.nodeValue = "Copied";
      setTimeout(function () {
        button.firstChild.nodeValue = word;
      }, 2000);
    });
  });

  document.querySelectorAll("form[data-live]").forEach(follow);
  ready(document);
})();
