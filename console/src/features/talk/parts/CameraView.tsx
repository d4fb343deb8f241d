import { Alert } from "antd";
import { useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";

import { useTalk, useTalkParts } from "../context";
import { Camera } from "../session/camera";

/** Picture in the corner: exactly what is sent. The camera is open while this is shown. */
export function CameraView() {
  const { t } = useTranslation("talk");
  const { session } = useTalkParts();
  const wanted = useTalk((talk) => talk.camera === "on" && talk.mode === "camera" && talk.conversation.line !== "off");
  const denied = useTalk((talk) => talk.camera === "denied" && talk.mode === "camera");
  const frame = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!wanted) return;
    const camera = new Camera((jpeg) => {
      session.see(jpeg);
    });
    camera.element.setAttribute("aria-label", t("control.camera_sees"));
    frame.current?.replaceChildren(camera.element);
    camera.open().catch(() => {
      session.setCamera("denied");
    });
    return () => {
      camera.close();
    };
  }, [wanted, session, t]);
  if (denied) return <Alert type="warning" showIcon title={t("control.camera_denied")} />;
  return wanted ? <div ref={frame} className="camera" title={t("control.camera_sees")} /> : null;
}
