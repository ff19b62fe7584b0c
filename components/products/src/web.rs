//! `/products`

use innkeeper_sdk::prelude::*;

use crate::product::{PRODUCTS, Product, ProductOption};

/// How many options a product may have.
const MOST_OPTIONS: usize = 100;

/// A product, as it is shown.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProductShown {
    product_id: u64,
    name: String,
    price: u64,
    stock: u64,
    image_url: Option<String>,
    options: Vec<ProductOption>,
}

impl From<Product> for ProductShown {
    fn from(product: Product) -> Self {
        let Product {
            product_id,
            name,
            price,
            stock,
            image_url,
            options,
            revision: _,
        } = product;
        Self {
            product_id,
            name,
            price,
            stock,
            image_url,
            options,
        }
    }
}

/// A price or a number of pieces, up to a thousand million: so no sum of them is too large for a number.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(try_from = "u64")]
#[json_schema(maximum = 1_000_000_000)]
pub struct Amount(u64);

impl TryFrom<u64> for Amount {
    type Error = &'static str;

    fn try_from(amount: u64) -> Result<Self, Self::Error> {
        match amount {
            0..=1_000_000_000 => Ok(Self(amount)),
            _ => Err("must be at most 1000000000"),
        }
    }
}

/// What a client must and may set of a new product.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct NewProduct {
    name: Text<200>,
    price: Amount,
    stock: Amount,
    image_url: Option<Text<2000>>,
    #[serde(default)]
    options: Vec<ProductOption>,
}

/// What a client may change of a product.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ProductChange {
    name: Option<Text<200>>,
    price: Option<Amount>,
    stock: Option<Amount>,
    image_url: Option<Text<2000>>,
    options: Option<Vec<ProductOption>>,
}

/// `POST /products`
pub fn register(Json(new): Json<NewProduct>) -> Answer<Created<ProductShown>> {
    let mut product = Product {
        product_id: PRODUCTS.next_id(),
        name: new.name.into(),
        price: new.price.0,
        stock: new.stock.0,
        image_url: new.image_url.map(String::from),
        options: few(new.options)?,
        revision: 0,
    };
    product.put()?;
    let location = format!("/products/{}", product.product_id);
    Ok(Created::at(location, product.into()))
}

/// `GET /products`
pub fn list(paging: Paging) -> Answer<Page<ProductShown>> {
    Ok(PRODUCTS.page(paging)?.map(ProductShown::from))
}

/// `GET /products/{id}`
pub fn show(Path(id): Path<u64>) -> Answer<Json<ProductShown>> {
    Ok(Json(PRODUCTS.find(id)?.into()))
}

/// `PATCH /products/{id}`: the stock is how many there are from now on that no order has.
pub fn modify(
    Path(id): Path<u64>,
    Json(change): Json<ProductChange>,
) -> Answer<Json<ProductShown>> {
    let mut product = PRODUCTS.find(id)?;
    let before = product.clone();
    if let Some(name) = change.name {
        product.name = name.into();
    }
    if let Some(Amount(price)) = change.price {
        product.price = price;
    }
    if let Some(Amount(stock)) = change.stock {
        product.stock = stock;
    }
    if let Some(image_url) = change.image_url {
        product.image_url = Some(image_url.into());
    }
    if let Some(options) = change.options {
        product.options = few(options)?;
    }
    if product != before {
        product.put()?;
    }
    Ok(Json(product.into()))
}

fn few(options: Vec<ProductOption>) -> Result<Vec<ProductOption>, Problem> {
    match options.len() {
        0..=MOST_OPTIONS => Ok(options),
        many => Err(Problem::invalid(
            "/options",
            format!("A product has at most {MOST_OPTIONS} options, not {many}."),
        )),
    }
}
