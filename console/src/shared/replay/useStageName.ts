import { useTranslation } from "react-i18next";

/** What a stage is called; one that is not known by its own name. */
export function useStageName(): (stage: string) => string {
  const { t } = useTranslation("replay");
  return (stage) => t(`stage.${stage}` as "stage.asr", { defaultValue: stage });
}
