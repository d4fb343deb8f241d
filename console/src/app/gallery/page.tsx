import { useEffect, useState } from "react";

import { TalkContext, type Talk } from "@/features/talk/context";
import { TalkPage } from "@/features/talk/page";
import { TalkSession } from "@/features/talk/session/talk";
import { prefer, type Language, type Theme } from "@/shared/preferences";
import { FakeAudio } from "@/shared/testing/audio";
import { FakeServer } from "@/shared/testing/server";
import { useAddress } from "@/shared/router/router";
import { useHelp } from "../help";
import { Shell } from "../shell";
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

/** Every state of Talk, one at a time: `/gallery?state=speaking&theme=dark&language=zh`. Without a state: the list. */
export default function Gallery() {
  const { search } = useAddress();
  const { state, theme, language } = read(new URLSearchParams(search));
  useEffect(() => {
    prefer({ theme: theme ?? "light", language: language ?? "en" });
  }, [theme, language]);
  const picture = state === undefined ? undefined : pictures(language ?? "en")[state];
  if (picture !== undefined) return <Shown key={state} picture={picture} />;
  return (
    <main className="broken">
      <h1>Gallery</h1>
      <ul>
        {Object.keys(pictures("en")).map((name) => (
          <li key={name}>
            <a href={`/gallery?state=${name}`}>{name}</a>
          </li>
        ))}
      </ul>
    </main>
  );
}

function Shown({ picture }: { picture: Picture }) {
  const [talk] = useState(() => still(picture));
  const [help, setHelp] = useHelp();
  return (
    <TalkContext value={talk}>
      <Shell>
        <TalkPage help={help} onHelp={setHelp} />
      </Shell>
    </TalkContext>
  );
}

/** A conversation that stands still at one moment. */
function still({ state, heard, input = 0, output = 0 }: Picture): Talk {
  const audio = new FakeAudio();
  const session = new TalkSession({
    audio,
    mode: "hands-free",
    resume: { load: () => null, save: () => undefined },
    choices: () => ({ language: "en", microphone: null, cues: false, interruptByVoice: true, patience: 1 }),
    dial: new FakeServer().dial,
  });
  session.store.setState(state);
  audio.levels.input = { rms: input, peak: input * 2 };
  audio.levels.output = output;
  if (heard !== undefined) {
    session.progress.came(heard[0], heard[2]);
    session.progress.heard(heard[0], heard[1]);
  }
  const engine = { setVolume: () => undefined, setSpeaker: () => Promise.resolve(), hearYourself: () => Promise.resolve() };
  return { session, levels: audio.levels, engine, choosesSpeaker: false };
}
