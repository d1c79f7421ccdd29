//! Raw mail is read piece by piece, however well it was packed.

use crate::world::{Shape, World, mail};
use futures_util::TryStreamExt;
use postroom_domain::ids::MessageId;

async fn pieces(world: &World, id: MessageId) -> Result<Vec<bytes::Bytes>, postroom_store::StoreError> {
    world.store.raw_message(&world.owner, id).await.unwrap().try_collect().await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_packed_well_is_unpacked_in_pieces() {
    let world = World::new().await;
    let inbox = world.mailbox("one@acme.test").await;
    for (number, size) in [(1, 20_000_000), (2, 64 * 1024), (3, 1), (4, 0)] {
        let raw = vec![b'a'; size];
        let hash = world.store.put_raw_mail(world.owner.workspace_id, raw.clone().into()).await.unwrap();
        let mut one =
            mail("ann@customer.test", "one@acme.test", &format!("m{number}@c"), number).answering(&["x@c"]);
        one.raw_sha256 = Some(hash);
        world.deliver(&inbox, one).await;
        let id = world.all().await[0].last_message.id;
        let read = pieces(&world, id).await.unwrap();
        assert!(read.iter().all(|piece| piece.len() <= 256 * 1024), "{size}");
        assert!(read.concat() == raw, "{size}");
    }
}
