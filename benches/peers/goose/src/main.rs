//! A page, or the scripted flow of `../flow.yaml`, as a program over goose.

use goose::prelude::*;

async fn page(user: &mut GooseUser) -> TransactionResult {
    user.get("").await?;
    Ok(())
}

async fn flow(user: &mut GooseUser) -> TransactionResult {
    let login = serde_json::json!({"user": "ada", "password": "secret"});
    let answer = user.post_json("/login", &login).await?.response?;
    let body: serde_json::Value = answer.json().await?;
    let token = body["token"].as_str().unwrap_or_default().to_owned();
    let request = user
        .get_request_builder(&GooseMethod::Post, "/orders")?
        .header("authorization", format!("Bearer {token}"))
        .json(&serde_json::json!({"product": 1}));
    let mut posted = user.request(GooseRequest::builder().set_request_builder(request).build()).await?;
    let status = posted.response.as_ref().map(|answer| answer.status().as_u16());
    if !matches!(status, Ok(201)) {
        return user.set_failure("no order", &mut posted.request, None, None);
    }
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), GooseError> {
    GooseAttack::initialize()?
        .register_scenario(scenario!("page").register_transaction(transaction!(page)))
        .register_scenario(scenario!("flow").register_transaction(transaction!(flow)))
        .execute()
        .await?;
    Ok(())
}
