(function () {
  "use strict";

  // A form is sent once: what it answers may be shown once. One that gives a file can be sent again later.
  document.addEventListener("submit", function (event) {
    var form = event.target;
    if (form.method !== "post" || event.defaultPrevented) {
      return;
    }
    if (form.hasAttribute("data-sent")) {
      event.preventDefault();
      return;
    }
    form.setAttribute("data-sent", "");
    setTimeout(function () {
      form.removeAttribute("data-sent");
    }, 3000);
  });
})();
