import { theme as ant, type ThemeConfig } from "antd";

/** The console's colours; tokens.css has the same for what is not Ant Design. */
const LIGHT = {
  page: "#F5F7F8",
  surface: "#FFFFFF",
  text: "#15191C",
  text2: "#48525A",
  text3: "#5F6A73",
  border: "#D3DADF",
  control: "#7B868F",
  primary: "#0B6B60",
  onPrimary: "#FFFFFF",
  you: "#1F5FCB",
  hold: "#8A5A00",
  error: "#B4232A",
  ok: "#1E7A34",
};

const DARK: typeof LIGHT = {
  page: "#0E1215",
  surface: "#161B20",
  text: "#E7ECEF",
  text2: "#B4BEC6",
  text3: "#909CA6",
  border: "#2C353C",
  control: "#74818B",
  primary: "#46C2B0",
  onPrimary: "#05211D",
  you: "#86B2FF",
  hold: "#E6B450",
  error: "#FF8A86",
  ok: "#6CCB83",
};

export function antTheme(dark: boolean): ThemeConfig {
  const colour = dark ? DARK : LIGHT;
  return {
    algorithm: dark ? ant.darkAlgorithm : ant.defaultAlgorithm,
    token: {
      colorPrimary: colour.primary,
      colorLink: colour.primary,
      colorInfo: colour.you,
      colorError: colour.error,
      colorWarning: colour.hold,
      colorSuccess: colour.ok,
      colorBgBase: colour.surface,
      colorBgLayout: colour.page,
      colorBgContainer: colour.surface,
      colorBgElevated: colour.surface,
      colorText: colour.text,
      colorTextSecondary: colour.text2,
      colorTextTertiary: colour.text3,
      colorTextPlaceholder: colour.text3,
      colorTextDisabled: colour.text3,
      colorTextLightSolid: colour.onPrimary,
      colorBorder: colour.control,
      colorBorderSecondary: colour.border,
      borderRadius: 6,
      borderRadiusLG: 10,
      fontFamily: FONT,
      fontSize: 14,
      motionDurationMid: "0.12s",
      motionDurationSlow: "0.2s",
    },
    components: {
      Tooltip: { colorBgSpotlight: dark ? "#2C353C" : "#15191C", colorTextLightSolid: dark ? "#E7ECEF" : "#FFFFFF" },
      Segmented: { itemColor: colour.text2, trackBg: dark ? "#20272D" : "#E4E9EC" },
      Switch: { colorTextQuaternary: colour.control, colorTextTertiary: colour.text3 },
      Slider: { railBg: colour.border, railHoverBg: colour.control },
    },
  };
}

const FONT = 'system-ui, -apple-system, "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif';
