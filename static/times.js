// Shows times in the reader's own time zone; UTC stays in the tooltip. Without this file every time is in UTC.
"use strict";
(function () {
  var zone = new Intl.DateTimeFormat(undefined, { timeZoneName: "short" });

  function local(element) {
    var utc = element.textContent.trim();
    var at = new Date(element.getAttribute("datetime"));
    if (Number.isNaN(at.getTime()) || !/ UTC$/.test(utc)) {
      return;
    }
    var parts = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
    if (!/^\d\d:\d\d UTC$/.test(utc)) {
      Object.assign(parts, { day: "numeric", month: "short", year: "numeric" });
    }
    if (/:\d\d:\d\d UTC$/.test(utc)) {
      parts.second = "2-digit";
    }
    element.textContent = new Intl.DateTimeFormat("en-GB", parts).format(at);
    element.title = utc;
  }

  function pad(number) {
    return String(number).padStart(2, "0");
  }

  // A field "From (UTC)" becomes "From": what is typed is local, and what is sent stays UTC.
  function field(input) {
    if (!input.name) {
      return;
    }
    var sent = document.createElement("input");
    sent.type = "hidden";
    sent.name = input.name;
    var given = input.getAttribute("value");
    var at = given ? new Date(/Z$/.test(given) ? given : given + "Z") : null;
    if (at && !Number.isNaN(at.getTime())) {
      sent.value = at.toISOString();
      input.value = at.getFullYear() + "-" + pad(at.getMonth() + 1) + "-" + pad(at.getDate()) + "T" + pad(at.getHours()) + ":" + pad(at.getMinutes());
    }
    input.removeAttribute("name");
    input.after(sent);
    var label = input.labels[0];
    label.textContent = label.textContent.replace(" (UTC)", "");
    label.title = "In your time zone, " + name();
    ["input", "change"].forEach(function (event) {
      input.addEventListener(event, function () {
        var typed = new Date(input.value);
        sent.value = Number.isNaN(typed.getTime()) ? "" : typed.toISOString();
      });
    });
  }

  function name() {
    var part = zone.formatToParts(new Date()).find(function (it) {
      return it.type === "timeZoneName";
    });
    return part ? part.value : "";
  }

  function ready() {
    document.querySelectorAll("time[datetime]:not([data-minutes]):not([title])").forEach(local);
    document.querySelectorAll("input[type=datetime-local][name]").forEach(field);
  }

  document.addEventListener("understudy:shown", ready);
  ready();
})();
