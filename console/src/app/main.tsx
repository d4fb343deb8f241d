import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";

import "@/features/talk/texts";
import { startTexts } from "@/shared/i18n";
import { usePreferences } from "@/shared/preferences";
import { Providers } from "./providers";
import { createConsoleRouter } from "./routes";
import "./tokens.css";
import "./console.css";
import "@/features/talk/talk.css";

await startTexts(usePreferences.getState().language);

const element = document.getElementById("root");
if (element === null) throw new Error("the page has no root");
createRoot(element).render(
  <StrictMode>
    <Providers>
      <RouterProvider router={createConsoleRouter()} />
    </Providers>
  </StrictMode>,
);
