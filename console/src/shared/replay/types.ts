import type { components } from "@/generated/api";

/** What the API shows of a conversation that was kept. */
type Schemas = components["schemas"];

export type Conversation = Schemas["ConversationView"];
export type ConversationDetail = Schemas["ConversationDetail"];
export type ConversationPage = Schemas["ConversationPage"];
export type Recording = Schemas["SoundView"];
export type Turn = Schemas["TurnForm"];
export type Stage = Schemas["StageView"];
export type Inspection = Schemas["InspectionView"];
export type Step = Schemas["StepView"];
export type Clip = Schemas["ClipView"];
export type Peaks = Schemas["PeaksView"];
export type Share = Schemas["ShareView"];
export type MadeShare = Schemas["MadeShare"];
export type SharedConversation = Schemas["SharedConversation"];

export type Side = "you" | "reply";

/** Where the sound of a conversation comes from: with one's own token, or by a link. */
export interface SoundSource {
  sound: (recording: string) => Promise<Blob>;
  peaks: (recording: string) => Promise<Peaks>;
}
