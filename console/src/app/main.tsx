import { StrictMode } from "react";
import { createRoot } from "react-dom/client";

import "@/features/talk/texts";
import { session } from "@/shared/api/session";
import { startTexts } from "@/shared/i18n";
import { usePreferences } from "@/shared/preferences";
import { Console } from "./console";
import { Providers } from "./providers";
import "./tokens.css";
import "./console.css";
import "./shell.css";
import "@/features/talk/talk.css";

// Who is here is asked while the texts come.
void session.begin();
await startTexts(usePreferences.getState().language);

const element = document.getElementById("root");
if (element === null) throw new Error("the page has no root");
createRoot(element).render(
  <StrictMode>
    <Providers>
      <Console />
    </Providers>
  </StrictMode>,
);
