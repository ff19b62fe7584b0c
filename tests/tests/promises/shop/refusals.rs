//! What a client may not send is refused, and changes nothing.

use http::Method;
use innkeeper_tests::{TestHost, send};
use serde_json::json;

use super::{WAYS, settings, stocked};

#[tokio::test]
async fn what_is_invalid_is_422_what_cannot_be_done_409_and_nothing_is_changed() {
    for check_stock in WAYS {
        let host = TestHost::with(settings(check_stock).await).await;
        let (shop, client) = (host.shop(), host.gateway());
        let (product, put_in) = stocked(&host, 300, 2).await;
        let before = host.shop_at_rest(&put_in).await;
        for body in [
            json!({}),
            json!({"name": "Tea", "price": -1, "stock": 1}),
            json!({"name": "Tea", "price": 1, "stock": 1, "productId": 7}),
        ] {
            client.post("/products", body).await.expect_problem(422);
        }
        for body in [
            json!({}),
            json!({"productId": product, "quantity": 0, "customerId": "ada", "customerName": "a", "customerAddr": "a"}),
            json!({"productId": product, "quantity": 1, "customerId": "ada", "customerName": "a", "customerAddr": "a", "price": 1}),
            json!({"productId": 99, "quantity": 1, "customerId": "ada", "customerName": "a", "customerAddr": "a"}),
        ] {
            client.post("/orders", body).await.expect_problem(422);
        }
        shop.order(product, 3, "ada").await.expect_problem(409);
        client
            .patch("/orders/1", json!({"state": "OrderPlaced"}))
            .await
            .expect_problem(422);
        shop.cancel(1).await.expect_problem(404);
        client
            .get("/mypage/orders/ada?size=0")
            .await
            .expect_problem(400);
        // What is read only is not written.
        for path in ["/deliveries", "/mypage/orders/ada"] {
            let reply = send(client.request(Method::POST, path).json(&json!({}))).await;
            assert!([404, 405].contains(&reply.status), "{path}: {}", reply.text);
        }
        assert_eq!(host.shop_at_rest(&put_in).await, before);
    }
}
