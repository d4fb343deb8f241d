import { Checkbox, DatePicker, Input, Select } from "antd";
import dayjs from "dayjs";
import { useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";

import type { AppSummary } from "@/shared/api/types";
import type { Filter } from "../queries";

interface FiltersProps {
  filter: Filter;
  onFilter: (change: Filter) => void;
  apps: readonly AppSummary[];
  /** Words can be searched here at all. */
  searches: boolean;
}

/** A pause in typing after which it is looked for, ms. */
const PAUSE_MS = 300;
const SLOW_MS: readonly number[] = [500, 1000, 2000, 5000];

export function Filters({ filter, onFilter, apps, searches }: FiltersProps) {
  const { t, i18n } = useTranslation("history");
  const number = new Intl.NumberFormat(i18n.language);
  const slow = SLOW_MS.map((ms) => ({ value: ms, label: t("filter.slower", { seconds: number.format(ms / 1000) }) }));
  if (filter.slow !== undefined && !SLOW_MS.includes(filter.slow)) slow.push({ value: filter.slow, label: t("filter.slower", { seconds: number.format(filter.slow / 1000) }) });
  return (
    <div className="filters" role="search">
      {searches && (
        <Words
          words={filter.q ?? ""}
          onWords={(q) => {
            onFilter({ q: q === "" ? undefined : q });
          }}
        />
      )}
      {apps.length > 1 && (
        <Select
          className="filter"
          allowClear
          virtual={false}
          placeholder={t("filter.any_app")}
          aria-label={t("filter.app")}
          value={filter.app ?? null}
          options={apps.map(({ id, name }) => ({ value: id, label: name }))}
          onChange={(app: string | null | undefined) => {
            onFilter({ app: app ?? undefined });
          }}
        />
      )}
      <DatePicker.RangePicker
        className="filter-range"
        allowEmpty={[true, true]}
        aria-label={t("filter.range")}
        placeholder={[t("filter.range_from"), t("filter.range_to")]}
        value={[filter.from === undefined ? null : dayjs(filter.from), filter.to === undefined ? null : dayjs(filter.to)]}
        onChange={(range) => {
          onFilter({ from: range?.[0]?.startOf("day").toISOString(), to: range?.[1]?.endOf("day").toISOString() });
        }}
      />
      <Select
        className="filter"
        allowClear
        virtual={false}
        placeholder={t("filter.any_speed")}
        aria-label={t("filter.slow")}
        value={filter.slow ?? null}
        options={slow}
        onChange={(ms: number | null | undefined) => {
          onFilter({ slow: ms ?? undefined });
        }}
      />
      <Checkbox
        checked={filter.cut === true}
        onChange={({ target }) => {
          onFilter({ cut: target.checked || undefined });
        }}
      >
        {t("filter.cut")}
      </Checkbox>
    </div>
  );
}

/** What is typed is looked for after a pause, at once by Enter; the address may change it, too. */
function Words({ words, onWords }: { words: string; onWords: (words: string) => void }) {
  const { t } = useTranslation("history");
  const [typed, setTyped] = useState(words);
  const [known, setKnown] = useState(words);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  if (words !== known) {
    setKnown(words);
    if (words !== typed.trim()) setTyped(words);
  }
  useEffect(
    () => () => {
      clearTimeout(timer.current);
    },
    [],
  );
  const soon = (next: string, ms: number): void => {
    clearTimeout(timer.current);
    timer.current = setTimeout(() => {
      if (next.trim() !== words) onWords(next.trim());
    }, ms);
  };
  return (
    <span data-search className="filter-words">
      <Input
        allowClear
        maxLength={200}
        enterKeyHint="search"
        placeholder={t("filter.words")}
        aria-label={t("filter.words")}
        aria-keyshortcuts="/"
        value={typed}
        onChange={({ target }) => {
          setTyped(target.value);
          soon(target.value, PAUSE_MS);
        }}
        onPressEnter={() => {
          soon(typed, 0);
        }}
      />
    </span>
  );
}
