import { create } from "zustand";

/** Whether the list of keys is open: the header, the keys and Talk all open the same one. */
const useHelpStore = create<{ open: boolean }>()(() => ({ open: false }));

export function useHelp(): [boolean, (open: boolean) => void] {
  return [useHelpStore((state) => state.open), setHelp];
}

export function setHelp(open: boolean): void {
  useHelpStore.setState({ open });
}

export function helpIsOpen(): boolean {
  return useHelpStore.getState().open;
}
