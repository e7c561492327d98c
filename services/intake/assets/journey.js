/* Tells Draad that somebody came to a step of a journey:
   <script src="https://draad.example.nl/journey/journey.js" data-product="paspoort" data-step="started" defer></script>
   No cookie, nothing stored, nobody followed; and nothing is told of who asks not to be tracked. */
(function () {
  "use strict";
  var script = document.currentScript;
  var quiet = navigator.globalPrivacyControl === true || navigator.doNotTrack === "1" || window.doNotTrack === "1";
  if (!script || quiet || !navigator.sendBeacon || !window.crypto || !crypto.getRandomValues) {
    return;
  }
  var rolled = Array.prototype.map.call(crypto.getRandomValues(new Uint8Array(16)), function (byte) {
    return ("0" + byte.toString(16)).slice(-2);
  });
  var told = { product: script.dataset.product, step: script.dataset.step, id: rolled.join("") };
  navigator.sendBeacon(new URL("/journey", script.src), JSON.stringify(told));
})();
