package ui_test

import (
	"net/http"
	"path/filepath"
)

// Texts of the company's packages.
const (
	readmeOfWeb = "# The pages of the shop\n\nServer-rendered pages, and the checkout.\n\n```sh\nnpm install @acme/web\nnpx acme-web --port 8080\n```\n\n| variable | meaning |\n|---|---|\n| `ORDERS_URL` | where orders are sent to |\n| `CURRENCY` | `EUR` unless set |\n\n" +
		"Questions: the web team, in the channel *shop*.\n"
	readmeOfUI       = "# Parts of pages\n\nButtons, dialogs and tables that look alike everywhere.\n"
	readmeOfForecast = "# Forecasts of orders\n\nHow many orders to expect in the next days.\n\n```python\nfrom acme_forecast import forecast\n\nforecast(orders, days=7)\n```\n"
	linesOfForecast  = "description = \"Forecasts of orders\"\nreadme = \"README.md\"\nrequires-python = \">=3.10\"\ndependencies = [\"numpy>=1.26\", \"pandas>=2.1; python_version < '3.13'\"]\nclassifiers = [\"Programming Language :: Python :: 3\", \"Intended Audience :: Developers\"]\n"
	moneyJava        = "/** An amount of money. */\npublic record Money(long cents, String currency) {}\n"
	ordersJava       = "/** Takes orders. */\npublic final class Orders {\n  public static void main(String[] args) {\n    System.out.println(new Money(100, \"EUR\"));\n  }\n}\n"
	ordersImage      = "FROM scratch\nENV ORDERS_DB=postgres://orders@db/orders LOG_LEVEL=info\nWORKDIR /srv\nCOPY start.sh /srv/start.sh\nCOPY assets.txt /srv/assets.txt\nEXPOSE 8080\nUSER 1000\nENTRYPOINT [\"/srv/start.sh\"]\n"
	shopImage        = "FROM scratch\nENV NODE_ENV=production PAYMENT_API_KEY=pk_live_4f2a9c1d\nCOPY assets.txt /usr/share/shop/assets.txt\nCOPY start.sh /usr/bin/shop\nEXPOSE 3000\nENTRYPOINT [\"/usr/bin/shop\"]\nCMD [\"--cluster\"]\n"
)

// history is what the company did: a month of work.
func (c *company) history() {
	c.t.Helper()
	c.firstWeeks()
	c.lastWeeks()
	if left := c.clock.Now().Sub(c.began()); left > companyLasts {
		c.t.Fatalf("the history takes %v", left)
	}
	c.clock.Later(companyLasts - c.clock.Now().Sub(c.began()))
}

func (c *company) ui(version, subject string) ware {
	return c.builder.publishNPM("bo", subject, map[string]any{"name": "@acme/ui", "version": version, "description": "Parts of pages"}, "README.md", readmeOfUI, "index.js", "export const version = '"+version+"';\n")
}

func (c *company) web(version, subject, source string) ware {
	return c.builder.publishNPM("bo", subject, map[string]any{"name": "@acme/web", "version": version, "description": "The pages of the shop", "type": "module", "engines": map[string]string{"node": ">=20"},
		"bin": map[string]string{"acme-web": "server.js"}, "scripts": map[string]string{"start": "node server.js", "postinstall": "node build.js"}, "dependencies": map[string]string{"@acme/ui": "^2.0.0", "left-pad": "^1.3.0"}},
		"README.md", readmeOfWeb, "server.js", "#!/usr/bin/env node\n"+source, "build.js", "// nothing to build yet\n")
}

func (c *company) cli(version, subject string) ware {
	return c.builder.publishFiles("dana", subject, "acme-cli", version, "acme-cli-linux-amd64.zip", string(packed(c.t, "acme", "#!/bin/sh\necho "+version+"\n", "LICENSE", "all rights reserved\n")),
		"acme-cli-darwin-arm64.zip", string(packed(c.t, "acme", "#!/bin/sh\n# darwin\necho "+version+"\n")), "README.md", "# acme\n\nWhat we type every day.\n")
}

// firstWeeks are the first releases of all teams.
func (c *company) firstWeeks() {
	c.t.Helper()
	b := c.builder
	ui := c.ui("2.0.0", "Dialogs close by the escape key")
	b.publishJar("dana", "Round half to even", "money", "3.1.0", "Amounts of money", "", moneyJava)
	c.tag("ci-platform", c.cli("1.4.0", "acme deploy tells how long it took"), "stable", "")
	c.later(0.3)
	c.ship(c.web("1.8.0", "The basket survives a reload", "console.log('shop 1.8.0');\n"), "web", "release 30")
	log4j := "<dependency><groupId>com.acme</groupId><artifactId>money</artifactId><version>3.1.0</version></dependency><dependency><groupId>org.apache.logging.log4j</groupId><artifactId>log4j-core</artifactId><version>2.17.1</version></dependency>"
	b.publishJar("dana", "Orders have a currency", "orders", "5.0.0", "Takes orders", log4j, ordersJava)
	orders := b.publishImage("platform", "dana", "Orders have a currency, as an image", "orders", "5.0.0", ordersImage)
	c.ship(orders, "orders", "orders 5.0.0, with currencies")
	c.later(1.1)
	c.ship(b.publishWheel("chris", "Forecasts of one week", "acme-forecast", "0.9.0", linesOfForecast, readmeOfForecast), "forecast", "")
	c.later(4)
	c.ui("2.1.0", "The focus stays in dialogs")
	c.ask("Bearer "+c.tokens["ci-web"], http.MethodPatch, ui.path()+"/versions/2.0.0", `{"state":"deprecated","reason":"the focus gets lost in dialogs: take 2.1.0"}`)
	c.later(0.2)
	c.ship(c.web("1.9.0", "The checkout has one page", "console.log('shop 1.9.0');\n"), "web", "release 31: the checkout has one page")
	c.later(3)
	failing := b.publishWheel("chris", "Forecasts learn from holidays", "acme-forecast", "1.0.0", linesOfForecast, readmeOfForecast)
	c.tag("ci-data", failing, "staging", "")
	c.deploy(failing, "staging", "forecast", "failed", "the model does not fit into memory")
	c.ask("Bearer "+c.tokens["ci-data"], http.MethodPatch, failing.path()+"/versions/1.0.0", `{"state":"yanked","reason":"takes 40 GB of memory"}`)
	c.later(1)
	c.ship(b.publishWheel("chris", "Holidays take less memory", "acme-forecast", "1.0.1", linesOfForecast, readmeOfForecast), "forecast", "forecasts know holidays")
	c.later(4)
	c.ship(b.publishImage("platform", "dana", "Orders can be split", "orders", "5.1.0", ordersImage), "orders", "orders can be split")
}

// lastWeeks end with a release that was taken back, one that follows, and one that is on its way.
func (c *company) lastWeeks() {
	c.t.Helper()
	b := c.builder
	c.later(3)
	c.ship(b.publishImage("web", "bo", "The shop as an image", "shop", "1.9.0", shopImage), "shop", "the shop runs in containers")
	c.tag("ci-platform", c.cli("1.5.0", "acme logs follows a service"), "stable", "")
	c.later(4)
	good := ware{repository: "web", format: "npm", name: "@acme/web", version: "1.9.0", purl: "pkg:npm/%40acme/web@1.9.0"}
	c.ship(c.web("1.9.1", "Coupons in the checkout", "console.log('shop 1.9.1');\n// coupons\n"), "web", "release 34: coupons")
	c.later(0.2)
	c.tag("ann", good, "production", "1.9.1 loses orders, see INC-7")
	c.deploy(good, "production", "web", "succeeded", "back to 1.9.0, see INC-7")
	c.later(0.1)
	trial := b.publishNPM("bo", "Try a basket of its own", map[string]any{"name": "@acme/basket", "version": "0.1.0", "description": "An experiment"}, "index.js", "export {};\n")
	c.later(0.5)
	c.do("dana", http.MethodDelete, trial.path()+"/versions/0.1.0?reason=the+experiment+is+over", "")
	c.later(2)
	fixed := c.web("1.9.2", "Coupons keep the order", "console.log('shop 1.9.2');\n// coupons, which keep the order\n")
	c.tag("ci-web", fixed, "staging", "")
	c.deploy(fixed, "staging", "web", "succeeded", "")
	c.installs()
	c.later(0.3)
	next := b.publishImage("platform", "dana", "Orders wait for the payment", "orders", "5.2.0", ordersImage)
	c.tag("ci-platform", next, "staging", "")
	c.deploy(next, "staging", "orders", "succeeded", "")
	c.later(0.1)
	c.tag("ann", fixed, "production", "release 35: coupons, with the fix of INC-7")
	c.deploy(fixed, "production", "web", "failed", "2 of 6 machines do not answer")
}

// installs is what people take: what the shop is made of, by the address for everything, and a version that a rule refuses.
func (c *company) installs() {
	c.t.Helper()
	b := c.builder
	b.npmrc("laptop", c.URL+"/npm/all/", c.tokenOf("bo", `{"repository":"*","actions":["read"]}`))
	b.write("laptop/package.json", `{"name":"laptop","private":true}`)
	b.npm("laptop", "install", "--ignore-scripts", "@acme/web@1.9.0")
	b.dir = "laptop"
	if out, err := b.run("", "node", filepath.Join(installedClient(c.t, "npm-11.19.1"), "node_modules/npm/bin/npm-cli.js"), "install", "left-pad@1.1.3"); err == nil {
		c.t.Errorf("a version that a rule refuses is installed: %s", out)
	}
}
