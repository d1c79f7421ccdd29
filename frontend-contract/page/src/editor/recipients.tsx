import { useState } from "react";
import type { api } from "../api";
import { Icon } from "../shared/icon";
import { AddressField } from "./address-field";
import { addressText, parseAddresses } from "./addresses";
import type { Recipients } from "./draft";

interface RecipientsLineProps {
  readonly defaults: api.ReplyDefaults;
  /** As somebody has edited them. */
  readonly recipients: Recipients | undefined;
  readonly onChange: (recipients: Recipients) => void;
}

/** Whom the answer goes to; the pencil adds others. */
export function RecipientsLine({ defaults, recipients, onChange }: RecipientsLineProps) {
  const [editing, setEditing] = useState(false);
  const now = recipients ?? { to: addressText(defaults.to), cc: addressText(defaults.cc), bcc: "" };
  const [to, cc, bcc] = [now.to, now.cc, now.bcc].map((text) => addressText(parseAddresses(text)));
  const copies = [cc ? `Cc ${cc}` : "", bcc ? `Bcc ${bcc}` : ""];
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset's legend can't stand in a line
    <div className="recipients-line" role="group" aria-label="Recipients">
      {editing ? (
        <div className="fields">
          <AddressField label="To" value={now.to} autoFocus onChange={(to) => onChange({ ...now, to })} />
          <AddressField label="Cc" value={now.cc} onChange={(cc) => onChange({ ...now, cc })} />
          <AddressField label="Bcc" value={now.bcc} onChange={(bcc) => onChange({ ...now, bcc })} />
        </div>
      ) : (
        <p>
          <span className="label">To</span> {to || "nobody yet"}
          {copies.map((copy) => copy !== "" && <span key={copy}> · {copy}</span>)}
        </p>
      )}
      {defaults.cc_left_out > 0 && recipients === undefined && (
        <p className="caution">{defaults.cc_left_out} other parties are too many to be in copy by themselves.</p>
      )}
      <button
        type="button"
        className="plain"
        title={editing ? "Done" : "Edit recipients"}
        onClick={() => setEditing(!editing)}
      >
        <Icon of={editing ? "check" : "pencil"} name={editing ? "Done with recipients" : "Edit recipients"} />
      </button>
    </div>
  );
}
