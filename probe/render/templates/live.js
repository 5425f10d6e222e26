"use strict";
// Pages of a server: what was looked at since, told as it comes; without this script a page is loaded again instead.
(() => {
  const status = document.getElementById("live");
  if (!status || !globalThis.EventSource) return;
  const words = status.querySelector("span");
  const update = status.querySelector("a");
  const asked = status.dataset.asked;
  let source = null;

  const progress = ({ under_way: underWay, left, news, told }) => {
    if (news && asked) { // what was asked for has come
      location.replace(update.href);
      return;
    }
    if (asked) {
      words.textContent = told;
      return;
    }
    const said = [];
    if (news) said.push(`${news.toLocaleString("en")} looked at since this page was made`);
    if (underWay && "round" in status.dataset) said.push(`${underWay.toLocaleString("en")} under way`);
    if (left && "round" in status.dataset) said.push(`${left.toLocaleString("en")} left of this round`);
    words.textContent = said.join(", ");
    update.hidden = !news;
    status.hidden = said.length === 0;
  };
  const begin = () => {
    source ??= new EventSource(status.dataset.events);
    source.onmessage = (event) => progress(JSON.parse(event.data));
    source.onerror = () => {
      if (source?.readyState !== EventSource.CLOSED) return; // the browser tries again by itself
      end();
      if (asked) setTimeout(() => location.reload(), 5000);
    };
  };
  const end = () => {
    source?.close();
    source = null;
  };
  // A browser opens six connections to one server: a page that nobody sees holds none.
  document.addEventListener("visibilitychange", () => { if (document.hidden) end(); else begin(); });
  if (!document.hidden) begin();
})();
