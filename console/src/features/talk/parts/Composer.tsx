import { SendOutlined } from "@ant-design/icons";
import { Button } from "antd";
// The whole of Input brings one-time codes and passwords with it.
import TextArea, { type TextAreaRef } from "antd/es/input/TextArea";
import { useState, type Ref } from "react";
import { useTranslation } from "react-i18next";

import { tab } from "@/shared/storage";
import { useTalkParts } from "../context";

const DRAFT = "vivavoce.draft";
const MOST_CHARACTERS = 8000;

/** Typing instead of speaking. A draft outlives a reload; what is sent is gone from here. */
export function Composer({ ref }: { ref: Ref<TextAreaRef> }) {
  const { t } = useTranslation("talk");
  const { session } = useTalkParts();
  const [draft, setDraft] = useState(() => tab.read(DRAFT) ?? "");
  const write = (text: string): void => {
    setDraft(text);
    tab.write(DRAFT, text === "" ? null : text);
  };
  const send = (): void => {
    if (draft.trim() === "") return;
    session.say(draft);
    write("");
  };
  return (
    <form
      className="composer"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      <TextArea
        ref={ref}
        rows={1}
        className="composer-field"
        value={draft}
        maxLength={MOST_CHARACTERS}
        placeholder={t("control.type")}
        aria-label={t("control.type")}
        enterKeyHint="send"
        onChange={(event) => {
          write(event.target.value);
        }}
        onPressEnter={(event) => {
          // Enter also ends the composition of a Chinese word, and then it sends nothing.
          if (event.shiftKey || event.nativeEvent.isComposing) return;
          event.preventDefault();
          send();
        }}
      />
      <Button htmlType="submit" type="text" icon={<SendOutlined />} disabled={draft.trim() === ""} aria-label={t("control.send")} />
    </form>
  );
}
