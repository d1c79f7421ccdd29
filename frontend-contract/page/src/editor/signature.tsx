import { MailHtml } from "../window/mail-html";

interface SignatureSwitchProps {
  readonly on: boolean;
  readonly onChange: (on: boolean) => void;
}

export function SignatureSwitch({ on, onChange }: SignatureSwitchProps) {
  return (
    <button type="button" className="switch" role="switch" aria-checked={on} onClick={() => onChange(!on)}>
      <span className="track" aria-hidden="true" />
      Signature
    </button>
  );
}

/** The signature as it will stand below the text. */
SignatureSwitch.Shown = function Shown({ on, html }: { readonly on: boolean; readonly html: string }) {
  if (!on || html === "") return null;
  return (
    <div className="signature">
      <MailHtml html={html} title="Your signature" pictures={true} onBroken={() => undefined} />
    </div>
  );
};
