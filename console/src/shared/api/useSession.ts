import { useStore } from "zustand";

import { may, session, type Permission, type SessionState } from "./session";

export function useSession<T>(select: (state: SessionState) => T): T {
  return useStore(session.store, select);
}

export function useMay(permission: Permission): boolean {
  return useSession((state) => may(state, permission));
}
