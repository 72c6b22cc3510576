"use strict";
const pictures = [...document.querySelectorAll("img[data-frame]")];
const byFrame = new Map(pictures.map((picture, at) => [picture.dataset.frame, at]));

// Thumbnails of the evidence show the frames' own pictures: each is in this page once.
for (const copy of document.querySelectorAll("img[data-copy]")) {
  const at = byFrame.get(copy.dataset.copy);
  if (at !== undefined) copy.src = pictures[at].src;
}

const theatre = document.querySelector(".theatre");
const image = theatre.querySelector("img");
const subtitle = theatre.querySelector(".subtitle");
const toggle = theatre.querySelector("[data-toggle]");
let current = 0;
let timer = null;

function linesOf(frame) {
  return [...document.querySelectorAll(`[data-line="${frame}"]`)].map((line) => {
    const speaker = line.querySelector("b").textContent;
    return `${speaker}: ${line.textContent.replace(speaker, "").trim()}`;
  });
}

function show(at) {
  current = (at + pictures.length) % pictures.length;
  const picture = pictures[current];
  image.src = picture.src;
  image.alt = picture.alt;
  const lines = linesOf(picture.dataset.frame);
  subtitle.textContent = lines.length ? lines.join("\n") : picture.alt;
  theatre.querySelector(".count").textContent = `${current + 1} / ${pictures.length}`;
  if (!theatre.open) theatre.showModal();
}

function play(on) {
  clearTimeout(timer);
  timer = null;
  toggle.textContent = on ? "❚❚" : "▶";
  if (!on) return;
  const reading = 1600 + 38 * subtitle.textContent.length; // milliseconds
  timer = setTimeout(() => {
    if (current + 1 === pictures.length) return play(false);
    show(current + 1);
    play(true);
  }, reading);
}

for (const button of document.querySelectorAll("[data-show]")) {
  button.addEventListener("click", () => show(byFrame.get(button.dataset.show)));
}
document.querySelector("[data-play]").addEventListener("click", () => {
  if (pictures.length) { show(0); play(true); }
});
toggle.addEventListener("click", () => play(timer === null));
for (const button of theatre.querySelectorAll("[data-step]")) {
  button.addEventListener("click", () => { play(false); show(current + Number(button.dataset.step)); });
}
theatre.querySelector("[data-close]").addEventListener("click", () => theatre.close());
theatre.addEventListener("close", () => play(false));
theatre.addEventListener("keydown", (event) => {
  if (event.key === "ArrowRight" || event.key === "ArrowLeft") { play(false); show(current + (event.key === "ArrowRight" ? 1 : -1)); }
  if (event.key === " ") { event.preventDefault(); play(timer === null); }
});
