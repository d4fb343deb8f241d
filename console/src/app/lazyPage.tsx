import { lazy, Suspense, type ComponentType } from "react";

/** Loads what is drawn. */
export type Load = () => Promise<{ default: ComponentType }>;
/** Loads texts: the module's default does it. */
type Texts = () => Promise<{ default: () => Promise<void> }>;

/** A page with its texts, and with those of what the server may refuse; none of it is part of the first load. */
export function withTexts(load: Load, texts: Texts): Load {
  const fill = async (from: Texts): Promise<void> => (await from()).default();
  return async () => {
    const [module] = await Promise.all([load(), fill(texts), fill(() => import("@/shared/api/texts"))]);
    return module;
  };
}

const made = new WeakMap<Load, ComponentType>();

/** One component for each loader, so that a page keeps its state while only its address changes. */
function component(load: Load): ComponentType {
  const known = made.get(load);
  if (known !== undefined) return known;
  const fresh = lazy(load);
  made.set(load, fresh);
  return fresh;
}

/** A loader that failed is tried again: a page of a newer build, or a moment without a line. */
export function forget(load: Load): void {
  made.delete(load);
}

export function LazyPage({ load }: { load: Load }) {
  const Page = component(load);
  return (
    <Suspense>
      {/* It is the same for each loader: made once, above. */}
      {/* eslint-disable-next-line react-hooks/static-components */}
      <Page />
    </Suspense>
  );
}
