/** The state of a replay: which step is shown and whether it runs. It knows nothing of drawing. */

export const SPEEDS = [0.5, 1, 2, 4] as const;
/** How long a step lasts at speed 1. */
const STEP_MILLISECONDS = 260;

export class Playback {
  step = $state(0);
  playing = $state(false);
  speed = $state(1);
  readonly last: number;
  /** Whether a person has taken over. */
  touched = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(last: number) {
    this.last = last;
  }

  get stepMilliseconds(): number {
    return STEP_MILLISECONDS / this.speed;
  }

  /** Plays on from here, or from the start when at the end. */
  play(): void {
    if (this.last === 0 || this.playing) return;
    if (this.step >= this.last) this.step = 0;
    this.playing = true;
    this.#tick();
  }

  pause(): void {
    this.playing = false;
    clearTimeout(this.#timer);
  }

  toggle(): void {
    this.touched = true;
    if (this.playing) this.pause();
    else this.play();
  }

  /** Pauses and shows one step. */
  seek(step: number): void {
    this.touched = true;
    this.pause();
    this.step = Math.min(this.last, Math.max(0, Math.round(step)));
  }

  #tick(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      if (!this.playing) return;
      this.step += 1;
      if (this.step >= this.last) this.pause();
      else this.#tick();
    }, this.stepMilliseconds);
  }
}

/** Whether a key was meant for the playback; if so, it was obeyed. */
export function obeyKey(playback: Playback, key: string): boolean {
  const commands: Record<string, () => void> = {
    " ": () => playback.toggle(),
    ArrowLeft: () => playback.seek(playback.step - 1),
    ArrowRight: () => playback.seek(playback.step + 1),
    Home: () => playback.seek(0),
    End: () => playback.seek(playback.last),
  };
  const command = Object.hasOwn(commands, key) ? commands[key] : undefined;
  command?.();
  return command !== undefined;
}
