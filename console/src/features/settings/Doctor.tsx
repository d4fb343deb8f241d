import { CheckCircleOutlined, ExclamationCircleOutlined, PlayCircleOutlined, ReloadOutlined } from "@ant-design/icons";
import { useQuery } from "@tanstack/react-query";
import { Alert, Button } from "antd";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";

import type { Doctor, Kind, Tried } from "@/shared/api/types";
import { prefer } from "@/shared/preferences";
import { Refusal, StateView } from "@/shared/ui/StateView";
import { doctorQuery, tryOut } from "./queries";
import { playWav } from "./wav";

/** What is in use, what is missing, what it would add; and one sentence through each part. */
export function DoctorTab() {
  const { t } = useTranslation("settings");
  const asked = useQuery(doctorQuery);
  const well = asked.data?.well === true;
  useEffect(() => {
    if (well) prefer({ doctorSeenWell: true });
  }, [well]);
  return (
    <>
      <div className="page-head">
        {asked.data !== undefined && <Alert type={well ? "success" : "warning"} showIcon title={t(well ? "doctor.well" : "doctor.unwell")} />}
        <span className="grow" />
        <Button icon={<ReloadOutlined />} loading={asked.isFetching} onClick={() => { void asked.refetch(); }}>
          {t("doctor.again")}
        </Button>
      </div>
      <StateView asked={asked} rows={6}>
        {(doctor) => <Findings doctor={doctor} />}
      </StateView>
    </>
  );
}

function Findings({ doctor }: { doctor: Doctor }) {
  const { t } = useTranslation("settings");
  return (
    <>
      <section className="card">
        <h3>{t("doctor.in_use")}</h3>
        <ul className="plain-list">
          {doctor.in_use.map((part) => (
            <Part key={part.kind} part={part} />
          ))}
        </ul>
      </section>
      {doctor.checks.length > 0 && (
        <section className="card">
          <h3>{t("doctor.checks")}</h3>
          <ul className="plain-list">
            {doctor.checks.map(({ name, well, detail }) => (
              <li key={name}>
                <span className="plain-main">
                  <Mark well={well} /> {name}
                  <span className="quiet plain-second">{detail}</span>
                </span>
              </li>
            ))}
          </ul>
        </section>
      )}
      {doctor.missing.length > 0 && (
        <section className="card">
          <h3>{t("doctor.missing")}</h3>
          <ul className="plain-list">
            {doctor.missing.map(({ missing, adds, how }) => (
              <li key={missing}>
                <span className="plain-main">
                  {missing}: {adds}
                  <span className="plain-second">
                    <code>{how}</code>
                  </span>
                </span>
              </li>
            ))}
          </ul>
        </section>
      )}
      <p className="quiet">
        {t("doctor.versions", { version: doctor.version, python: doctor.python, system: doctor.system })}
        <br />
        {doctor.file === null ? t("doctor.no_file") : t("doctor.file", { file: doctor.file })}
      </p>
    </>
  );
}

function Mark({ well }: { well: boolean }) {
  const { t } = useTranslation("settings");
  return well ? (
    <CheckCircleOutlined className="mark-ok" aria-label={t("doctor.ok")} role="img" />
  ) : (
    <ExclamationCircleOutlined className="mark-bad" aria-label={t("doctor.bad")} role="img" />
  );
}

function Part({ part: { kind, name, detail, problem } }: { part: Doctor["in_use"][number] }) {
  const { t } = useTranslation("settings");
  return (
    <li data-row className="doctor-part">
      <span className="plain-main">
        <Mark well={problem === null} /> <strong>{t(`doctor.${kind}`)}</strong> {name}
        <span className={problem === null ? "quiet plain-second" : "field-error plain-second"}>{problem ?? detail}</span>
      </span>
      <Try kind={kind} />
    </li>
  );
}

function Try({ kind }: { kind: Kind }) {
  const { t } = useTranslation("settings");
  const [busy, setBusy] = useState(false);
  const [tried, setTried] = useState<Tried | null>(null);
  const [playedMs, setPlayedMs] = useState(0);
  const [problem, setProblem] = useState<unknown>(null);
  const play = (sound: string): void => {
    playWav(sound).then(setPlayedMs, setProblem);
  };
  const go = (): void => {
    setBusy(true);
    setProblem(null);
    tryOut(kind)
      .then((result) => {
        setTried(result);
        if (result.sound !== null) play(result.sound);
      }, setProblem)
      .finally(() => {
        setBusy(false);
      });
  };
  const ms = Math.round(tried?.ms ?? 0);
  return (
    <>
      <Button size="small" loading={busy} aria-label={t("doctor.try_of", { kind: t(`doctor.${kind}`) })} onClick={go} data-played-ms={playedMs}>
        {t("doctor.try")}
      </Button>
      <div className="tried" aria-live="polite">
        <Refusal error={problem} />
        {tried !== null &&
          (tried.well ? (
            <span>
              {t("doctor.ms", { ms })}
              {tried.text !== "" && <> · {t(`tried.${kind}`, { text: tried.text })}</>}
              {tried.sound !== null && (
                <Button type="text" size="small" icon={<PlayCircleOutlined />} onClick={() => { play(tried.sound ?? ""); }}>
                  {t("doctor.play")}
                </Button>
              )}
            </span>
          ) : (
            <span className="field-error">{t("doctor.failed", { ms, text: tried.text })}</span>
          ))}
      </div>
    </>
  );
}
