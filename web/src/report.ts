/** Brings the page's pictures to life: reads the payload and mounts a component into each placeholder. */

import "./styles/base.css";
import "./styles/page.css";
import "./styles/verdict.css";
import "./styles/print.css";

import { mount, type Component } from "svelte";
import CopyButton from "./CopyButton.svelte";
import Curves from "./curves/Curves.svelte";
import { looksOf } from "./goals";
import type { Payload } from "./payload";
import PlaceMap from "./places/PlaceMap.svelte";
import Replays from "./replay/Replays.svelte";
import VerdictCard from "./verdict/VerdictCard.svelte";

/** Replaces what stands in the placeholder for people without scripts. */
function fill<Props extends Record<string, unknown>>(
  target: HTMLElement,
  component: Component<Props>,
  props: Props,
): void {
  target.replaceChildren();
  mount(component, { target, props });
}

function placeholders(name: string): HTMLElement[] {
  return [...document.querySelectorAll<HTMLElement>(`[data-island="${name}"]`)];
}

function enhance(payload: Payload): void {
  const looks = looksOf(payload.scenario.goals);
  placeholders("verdict").forEach((target, index) => {
    const card = payload.verdicts[index];
    if (card) fill(target, VerdictCard, { card, looks, confidence: payload.confidence });
  });
  placeholders("places").forEach((target, index) => {
    const places = payload.places[index];
    if (places) fill(target, PlaceMap, { places, looks });
  });
  for (const target of placeholders("replays")) fill(target, Replays, { replays: payload.replays, looks });
  for (const target of placeholders("curves")) {
    if (payload.curves) fill(target, Curves, { curves: payload.curves, looks, settings: payload.settings });
  }
  for (const target of placeholders("copy")) fill(target, CopyButton, { text: payload.provenance.command });
  for (const text of document.querySelectorAll<HTMLDetailsElement>("details.as-text")) text.open = false;
}

const source = document.getElementById("payload");
if (source) enhance(JSON.parse(source.textContent ?? "") as Payload);
