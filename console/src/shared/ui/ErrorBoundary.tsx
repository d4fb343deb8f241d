import { Component, type ErrorInfo, type ReactNode } from "react";

interface ErrorBoundaryProps {
  /** Drawn anew, and tried again, when it changes. */
  resetKey?: string;
  fallback: (error: unknown, again: () => void) => ReactNode;
  children: ReactNode;
}

/** A part that breaks takes no more with it than itself. */
export class ErrorBoundary extends Component<ErrorBoundaryProps, { error: unknown; broken: boolean }> {
  override state = { error: null as unknown, broken: false };

  static getDerivedStateFromError(error: unknown) {
    return { error, broken: true };
  }

  override componentDidCatch(error: unknown, info: ErrorInfo): void {
    // For whoever looks at the browser's console; nothing of it leaves the page.
    reportError(error instanceof Error ? error : new Error(`${String(error)}${info.componentStack ?? ""}`));
  }

  override componentDidUpdate(before: ErrorBoundaryProps): void {
    if (before.resetKey !== this.props.resetKey && this.state.broken) this.#again();
  }

  override render(): ReactNode {
    return this.state.broken ? this.props.fallback(this.state.error, this.#again) : this.props.children;
  }

  readonly #again = (): void => {
    this.setState({ error: null, broken: false });
  };
}
