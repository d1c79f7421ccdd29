import { useRef, useState } from "react";
import { type api, postroom } from "../api";
import { Avatar } from "../shared/avatar";
import { Icon } from "../shared/icon";
import { Trouble } from "../shared/trouble";
import { words } from "../shared/words";

interface PictureProps {
  readonly contact: api.Contact;
  readonly onPut: (contact: api.Contact) => void;
}

/** The contact's picture, and how it gets another one. */
export function Picture({ contact, onPut }: PictureProps) {
  const input = useRef<HTMLInputElement>(null);
  const [trouble, setTrouble] = useState<string>();

  async function set(file: File | undefined) {
    if (file === undefined) return;
    setTrouble(undefined);
    try {
      onPut(await postroom.setContactAvatar(contact.id, file));
    } catch (error) {
      setTrouble(words(error));
    }
  }

  return (
    <div className="picture">
      <Avatar name={contact.name} url={contact.avatar_url} size="large" />
      <button type="button" className="plain" title="Change picture" onClick={() => input.current?.click()}>
        <Icon of="pencil" name="Change picture" />
      </button>
      <input
        ref={input}
        type="file"
        accept="image/*"
        hidden
        onChange={(event) => {
          void set(event.target.files?.[0]);
          event.target.value = "";
        }}
      />
      <Trouble of={trouble} />
    </div>
  );
}
