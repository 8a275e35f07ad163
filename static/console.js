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
      document.dispatchEvent(new CustomEvent("understudy:shown"));
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

  // A button with data-copy-answer="id" copies the field of that id from the answer of its form, and the page stays.
  // Any other answer, such as a question for the password, is shown as a page.
  document.addEventListener("submit", function (event) {
    var form = event.target, button = event.submitter;
    var id = button && button.getAttribute("data-copy-answer");
    if (!id || !navigator.clipboard || !window.ClipboardItem || button.hasAttribute("data-as-page")) {
      return;
    }
    event.preventDefault();
    event.stopImmediatePropagation();
    var body = new URLSearchParams(new FormData(form, button)), terms = "";
    button.disabled = true;
    var text = fetch(button.formAction, { method: "POST", body: body, headers: { accept: "text/html" }, redirect: "manual" })
      .then(function (answer) {
        return answer.text();
      })
      .then(function (html) {
        var page = new DOMParser().parseFromString(html, "text/html"), field = page.getElementById(id);
        if (!field) {
          throw new Error("another page");
        }
        terms = page.getElementById("terms").innerHTML;
        return field.getAttribute("value");
      });
    var blob = text.then(function (it) {
      return new Blob([it], { type: "text/plain" });
    });
    navigator.clipboard.write([new ClipboardItem({ "text/plain": blob })])
      .then(function () {
        button.disabled = false;
        document.getElementById("copied").innerHTML = "Link copied. " + terms;
        document.dispatchEvent(new CustomEvent("understudy:shown"));
      })
      .catch(function () {
        button.disabled = false;
        button.setAttribute("data-as-page", "");
        form.requestSubmit(button);
      });
  }, true);

  document.querySelectorAll("form[data-live]").forEach(follow);
  ready(document);
})();
