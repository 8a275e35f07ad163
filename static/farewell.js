// Sends the letters of the page into their frames, and goes on when all have arrived or time is up.
"use strict";
var onward = document.getElementById("onward");
if (onward) {
  var waiting = 0;
  var go = function () {
    location.replace(onward.href);
  };
  var arrived = function () {
    waiting -= 1;
    if (waiting === 0) {
      // An application may answer with a form that sends itself: it gets the time for that.
      setTimeout(go, 500);
    }
  };
  var forms = document.querySelectorAll("form.farewell");
  for (var i = 0; i < forms.length; i += 1) {
    waiting += 1;
    document.getElementsByName(forms[i].target)[0].addEventListener("load", arrived, { once: true });
    HTMLFormElement.prototype.submit.call(forms[i]);
  }
  var frames = document.querySelectorAll("iframe[data-src]");
  for (var j = 0; j < frames.length; j += 1) {
    waiting += 1;
    frames[j].addEventListener("load", arrived, { once: true });
    frames[j].src = frames[j].dataset.src;
  }
  setTimeout(go, 1000 * Number(onward.dataset.seconds));
}
