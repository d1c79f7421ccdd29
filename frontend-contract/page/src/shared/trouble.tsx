interface TroubleProps {
  /** What went wrong; nothing is shown where nothing did. */
  readonly of: string | undefined;
  readonly onRetry?: () => void;
}

/** Says what went wrong, where it did. */
export function Trouble({ of, onRetry }: TroubleProps) {
  if (of === undefined) return null;
  return (
    <p className="trouble" role="alert">
      {of}
      {onRetry !== undefined && (
        <>
          {" "}
          <button type="button" className="link" onClick={onRetry}>
            Try again
          </button>
        </>
      )}
    </p>
  );
}
