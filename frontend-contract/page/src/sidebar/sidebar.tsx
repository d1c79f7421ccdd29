/** Who the customer is. */
export function Sidebar({ contactId }: { readonly contactId: string | undefined; readonly onClose: () => void }) {
  return <aside className="sidebar" aria-label="Customer" data-contact={contactId} />;
}
