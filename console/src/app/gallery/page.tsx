import { useEffect, useState } from "react";

import { TalkContext, type Talk } from "@/features/talk/context";
import { TalkPage } from "@/features/talk/page";
import { TalkSession } from "@/features/talk/session/talk";
import { session } from "@/shared/api/session";
import { useSession } from "@/shared/api/useSession";
import { prefer, type Language, type Theme } from "@/shared/preferences";
import { navigate, useAddress } from "@/shared/router/router";
import { grant, wellServer, type FakeApi } from "@/shared/testing/api";
import { FakeAudio } from "@/shared/testing/audio";
import { FakeServer } from "@/shared/testing/server";
import { useHelp } from "../help";
import { Shell } from "../shell";
import { PAGES, type PagePicture } from "./pages";
import { pictures, type Picture } from "./states";

interface GallerySearch {
  state?: string;
  theme?: Theme;
  language?: Language;
}

/** What is no known value is left out. */
function read(search: URLSearchParams): GallerySearch {
  const [state, theme, language] = ["state", "theme", "language"].map((name) => search.get(name));
  return {
    ...(typeof state === "string" ? { state } : {}),
    ...(theme === "dark" || theme === "light" ? { theme } : {}),
    ...(language === "zh" || language === "en" ? { language } : {}),
  };
}

/** Every state, one at a time: `/gallery?state=speaking&theme=dark&language=zh`. Without a state: the list. */
export default function Gallery() {
  const { search } = useAddress();
  const { state, theme, language } = read(new URLSearchParams(search));
  useEffect(() => {
    prefer({ theme: theme ?? "light", language: language ?? "en", doctorSeenWell: true });
  }, [theme, language]);
  const picture = state === undefined ? undefined : pictures(language ?? "en")[state];
  if (picture !== undefined) return <Shown key={state} picture={picture} />;
  const page = state === undefined ? undefined : PAGES[state];
  if (page !== undefined) return <ShownPage make={page} />;
  return (
    <main className="broken">
      <h1>Gallery</h1>
      <ul>
        {[...Object.keys(pictures("en")), ...Object.keys(PAGES)].map((name) => (
          <li key={name}>
            <a href={`/gallery?state=${name}`} data-kind={name in PAGES ? "page" : "talk"}>
              {name}
            </a>
          </li>
        ))}
      </ul>
    </main>
  );
}

/** Goes to the page's own address: from there on it is the console itself, with a server in memory. */
function ShownPage({ make }: { make: () => PagePicture }) {
  useEffect(() => {
    const { at, role, api, press = [] } = make();
    void session.settled().then(async () => {
      install(api);
      if (role === null) session.forget();
      else session.accept(grant(role));
      navigate(at, { replace: true });
      await pressAll(press);
    });
  }, [make]);
  return null;
}

async function pressAll(selectors: readonly string[]): Promise<void> {
  for (const selector of selectors) (await appears(selector)).click();
}

async function appears(selector: string): Promise<HTMLElement> {
  for (;;) {
    const found = document.querySelector<HTMLElement>(selector);
    if (found !== null) return found;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** From now on the API answers from memory, and the line of news stays up and silent. */
function install(api: FakeApi): void {
  const real = globalThis.fetch.bind(globalThis);
  globalThis.fetch = (input, init) => (typeof input === "string" && /^\/(api|health)/.test(input) ? api.fetch(input, init) : real(input, init));
  globalThis.WebSocket = SilentSocket as unknown as typeof WebSocket;
}

class SilentSocket extends EventTarget {
  readyState = 0;
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: string }) => void) | null = null;

  constructor() {
    super();
    setTimeout(() => {
      this.readyState = 1;
      this.onopen?.();
    });
  }

  send(): void {
    this.onmessage?.({ data: JSON.stringify({ type: "subscribed", topics: [], cursor: "0" }) });
  }

  close(): void {
    this.readyState = 3;
  }
}

function Shown({ picture }: { picture: Picture }) {
  const [talk] = useState(() => still(picture));
  const phase = useSession((state) => state.phase);
  useEffect(() => {
    void session.settled().then(() => {
      install(wellServer());
      session.accept(grant(picture.role ?? "admin"));
    });
  }, [picture]);
  const [help, setHelp] = useHelp();
  if (phase !== "in") return null;
  return (
    <TalkContext value={talk}>
      <Shell talking>
        <TalkPage help={help} onHelp={setHelp} />
      </Shell>
    </TalkContext>
  );
}

/** A conversation that stands still at one moment. */
function still({ state, heard, input = 0, output = 0 }: Picture): Talk {
  const audio = new FakeAudio();
  const talk = new TalkSession({
    audio,
    mode: "hands-free",
    resume: { load: () => null, save: () => undefined },
    choices: () => ({ language: "en", microphone: null, cues: false, interruptByVoice: true, patience: 1 }),
    dial: new FakeServer().dial,
  });
  talk.store.setState(state);
  audio.levels.input = { rms: input, peak: input * 2 };
  audio.levels.output = output;
  if (heard !== undefined) {
    talk.progress.came(heard[0], heard[2]);
    talk.progress.heard(heard[0], heard[1]);
  }
  const engine = { setVolume: () => undefined, setSpeaker: () => Promise.resolve(), hearYourself: () => Promise.resolve() };
  return { session: talk, levels: audio.levels, engine, choosesSpeaker: false };
}
