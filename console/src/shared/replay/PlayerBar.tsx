import { CaretRightOutlined, LoadingOutlined, PauseOutlined } from "@ant-design/icons";
import { Button, Switch } from "antd";
import { useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";

import { Refusal } from "@/shared/ui/StateView";
import { clockText } from "./clockText";
import { RATES, type ReplayPlayer } from "./player";
import { usePlayerState } from "./useReplay";

/** Play, how fast, whether silence is passed over, and where it is. */
export function PlayerBar({ player, lengthMs }: { player: ReplayPlayer; lengthMs: number }) {
  const { t, i18n } = useTranslation("replay");
  const playing = usePlayerState(player, (state) => state.playing);
  const loading = usePlayerState(player, (state) => state.loading);
  const rate = usePlayerState(player, (state) => state.rate);
  const skips = usePlayerState(player, (state) => state.skipsSilence);
  const problem = usePlayerState(player, (state) => state.problem);
  const number = new Intl.NumberFormat(i18n.language);
  return (
    <>
      <div className="player">
        <Button
          type="primary"
          className="player-play"
          icon={loading ? <LoadingOutlined /> : playing ? <PauseOutlined /> : <CaretRightOutlined />}
          aria-keyshortcuts="Space"
          data-playing={playing}
          onClick={() => {
            player.toggle();
          }}
        >
          {t(playing ? "player.pause" : "player.play")}
        </Button>
        <Time player={player} lengthMs={lengthMs} />
        <select
          className="player-rate"
          aria-label={t("player.rate")}
          value={rate}
          onChange={(event) => {
            player.setRate(Number(event.target.value));
          }}
        >
          {RATES.map((each) => (
            <option key={each} value={each}>
              {number.format(each)}×
            </option>
          ))}
        </select>
        <label className="player-skip">
          <Switch
            size="small"
            checked={skips}
            onChange={(on) => {
              player.skipSilence(on);
            }}
          />
          {t("player.skip")}
        </label>
      </div>
      <Refusal error={problem} />
    </>
  );
}

/** Goes past React: it changes with every frame. */
function Time({ player, lengthMs }: { player: ReplayPlayer; lengthMs: number }) {
  const text = useRef<HTMLSpanElement>(null);
  useEffect(() => {
    const draw = (): void => {
      if (text.current === null) return;
      text.current.textContent = clockText(player.at());
      text.current.dataset["at"] = String(Math.round(player.at()));
    };
    draw();
    return player.watch(draw);
  }, [player]);
  return (
    <span className="player-time">
      <span ref={text} /> / {clockText(lengthMs)}
    </span>
  );
}
