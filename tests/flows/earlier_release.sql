-- The journal as commit 6a7025a has left it, the last one before the renaming, at revision 0004 on SQLite.
-- Its own flows have written every row: order_processing, customer_service, data_analysis, the actions of
-- an operator and the bus. Runs were killed at fail points (called:capture_payment, called:close_payment,
-- written:book_shipment, ended, sending, written:learn_outcome, written:weigh_candidates and others), one
-- order five times; providers were out of service (carriers.book, payments.refund); one agent raised an
-- error; one model file was deleted. Dumped with sqlite3's iterdump. Host names and the folder's path are
-- replaced, and all times are shifted: the dump was made at 1000000000. See earlier_release.py.
BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0004');
CREATE TABLE dead_letters (
	item INTEGER NOT NULL, 
	at DOUBLE NOT NULL, 
	agent TEXT NOT NULL, 
	version TEXT NOT NULL, 
	attempts INTEGER NOT NULL, 
	error_type TEXT NOT NULL, 
	error TEXT NOT NULL, 
	status TEXT NOT NULL, 
	count INTEGER NOT NULL, 
	original TEXT, 
	PRIMARY KEY (item), 
	FOREIGN KEY(item) REFERENCES items (id)
);
INSERT INTO "dead_letters" VALUES(9,999999442.643,'book_shipment','1',6,'TransientError','swift book: out of service (503)','replayed',1,NULL);
INSERT INTO "dead_letters" VALUES(10,999999442.643,'book_shipment','1',6,'TransientError','swift book: out of service (503)','open',1,NULL);
INSERT INTO "dead_letters" VALUES(11,999999442.643,'book_shipment','1',6,'TransientError','swift book: out of service (503)','discarded',1,NULL);
INSERT INTO "dead_letters" VALUES(12,999999442.643,'book_shipment','1',6,'TransientError','swift book: out of service (503)','open',1,'{"address":{"city":"Reno","country":"US","line1":"1 Elm St","line2":"","postal_code":"89501","state":""},"currency":"USD","customer":{"email":"ann9@example.com","id":"c9","name":"Ann Lee"},"lines":[{"name":"lamp","quantity":1,"sku":"u-lamp","unit_price":1999}],"order_id":"u-9","payment_method":"pm_card_visa","placed_at":"2026-01-15T08:30:00Z","total":1999}');
INSERT INTO "dead_letters" VALUES(13,999999453.523,'close_payment','1',6,'TransientError','payments refund: out of service (503)','open',1,NULL);
INSERT INTO "dead_letters" VALUES(21,999999537.691,'authorise_payment','1',5,'Killer','5 processes died while they worked on it, the last two on it alone','open',1,NULL);
INSERT INTO "dead_letters" VALUES(46,999999675.968,'learn_outcome','1',1,'RuntimeError','the change has no row','open',1,NULL);
INSERT INTO "dead_letters" VALUES(78,999999934.128,'weigh_candidates','1',1,'FileNotFoundError','data/analysis/kiosks/models/0c1caa982a7110f577ab2d255d04b846/reference.parquet','open',1,NULL);
CREATE TABLE dead_messages (
	id TEXT NOT NULL, 
	topic TEXT NOT NULL, 
	grp TEXT NOT NULL, 
	message TEXT, 
	reason TEXT NOT NULL, 
	error TEXT NOT NULL, 
	deliveries INTEGER NOT NULL, 
	body BLOB NOT NULL, 
	status TEXT NOT NULL, 
	at DOUBLE NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "dead_messages" VALUES('ceac77e6f58e890526227b259e5161dd','stock.low','purchasing','54f63512822a49528cf1fe81617bc7bb','refused','PermanentError(''no supplier'')',1,X'7B226964223A223534663633353132383232613439353238636631666538313631376263376262222C22746F706963223A2273746F636B2E6C6F77222C2276657273696F6E223A2231222C226974656D223A6E756C6C2C2273657175656E6365223A6E756C6C2C227472616365223A2230302D30303030303030303030303030303030303030303030303030303030303030302D313563386432616566393865613032632D3031222C22626F6479223A227B5C226E5C223A332C5C22746578745C223A5C226E657665725C227D227D','open',999999984.449);
INSERT INTO "dead_messages" VALUES('054104371feb5a306114c9e3c1a5a25d','stock.low','purchasing','bf75ddd19c9041d7a75d39ed1cd1eb6e','failed','ValueError(''purchasing cannot read it'')',5,X'7B226964223A226266373564646431396339303431643761373564333965643163643165623665222C22746F706963223A2273746F636B2E6C6F77222C2276657273696F6E223A2231222C226974656D223A6E756C6C2C2273657175656E6365223A6E756C6C2C227472616365223A2230302D30303030303030303030303030303030303030303030303030303030303030302D343238376561303566353865363933312D3031222C22626F6479223A227B5C226E5C223A322C5C22746578745C223A5C2262726F6B656E5C227D227D','open',999999988.62);
INSERT INTO "dead_messages" VALUES('756041281c751d7273aaaab00160d10e','price','answers','price:ghost','refused','PermanentError(''no such goods'')',1,X'7B226964223A2270726963653A67686F7374222C22746F706963223A227072696365222C2276657273696F6E223A2231222C226974656D223A6E756C6C2C2273657175656E6365223A6E756C6C2C227472616365223A2230302D30303030303030303030303030303030303030303030303030303030303030302D303961356538386664623761336663302D3031222C22626F6479223A227B5C226E5C223A302C5C22746578745C223A5C22756E6B6E6F776E5C227D227D','open',999999988.735);
CREATE TABLE effects (
	item INTEGER NOT NULL, 
	agent TEXT NOT NULL, 
	occurrence INTEGER NOT NULL, 
	"key" TEXT NOT NULL, 
	status TEXT NOT NULL, 
	intended_at DOUBLE NOT NULL, 
	PRIMARY KEY (item, agent, occurrence), 
	FOREIGN KEY(item) REFERENCES items (id), 
	UNIQUE ("key")
)
 WITHOUT ROWID

;
INSERT INTO "effects" VALUES(1,'authorise_payment',0,'default:orders:u-0:authorise_payment:0','done',999999431.796);
INSERT INTO "effects" VALUES(1,'book_shipment',0,'default:orders:u-0:book_shipment:0','done',999999431.841);
INSERT INTO "effects" VALUES(1,'capture_payment',0,'default:orders:u-0:capture_payment:0','done',999999431.81);
INSERT INTO "effects" VALUES(1,'issue_stock',0,'default:orders:u-0:issue_stock:0','done',999999431.924);
INSERT INTO "effects" VALUES(1,'open_payment',0,'default:orders:u-0:open_payment:0','done',999999431.771);
INSERT INTO "effects" VALUES(1,'reserve_stock',0,'default:orders:u-0:reserve_stock:0','done',999999431.51);
INSERT INTO "effects" VALUES(2,'authorise_payment',0,'default:orders:u-1:authorise_payment:0','done',999999431.796);
INSERT INTO "effects" VALUES(2,'book_shipment',0,'default:orders:u-1:book_shipment:0','refused',999999431.841);
INSERT INTO "effects" VALUES(2,'capture_payment',0,'default:orders:u-1:capture_payment:0','done',999999431.81);
INSERT INTO "effects" VALUES(2,'close_payment',0,'default:orders:u-1:close_payment:0','done',999999432.008);
INSERT INTO "effects" VALUES(2,'open_payment',0,'default:orders:u-1:open_payment:0','done',999999431.771);
INSERT INTO "effects" VALUES(2,'release_stock',0,'default:orders:u-1:release_stock:0','done',999999432.101);
INSERT INTO "effects" VALUES(2,'reserve_stock',0,'default:orders:u-1:reserve_stock:0','done',999999431.51);
INSERT INTO "effects" VALUES(3,'authorise_payment',0,'default:orders:u-2:authorise_payment:0','refused',999999431.796);
INSERT INTO "effects" VALUES(3,'close_payment',0,'default:orders:u-2:close_payment:0','done',999999432.008);
INSERT INTO "effects" VALUES(3,'open_payment',0,'default:orders:u-2:open_payment:0','done',999999431.771);
INSERT INTO "effects" VALUES(3,'release_stock',0,'default:orders:u-2:release_stock:0','done',999999432.101);
INSERT INTO "effects" VALUES(3,'reserve_stock',0,'default:orders:u-2:reserve_stock:0','done',999999431.51);
INSERT INTO "effects" VALUES(5,'reserve_stock',0,'default:orders:u-3:reserve_stock:0','refused',999999431.51);
INSERT INTO "effects" VALUES(9,'authorise_payment',0,'default:orders:u-10:authorise_payment:0','done',999999432.471);
INSERT INTO "effects" VALUES(9,'book_shipment',0,'default:orders:u-10:book_shipment:0','done',999999442.633);
INSERT INTO "effects" VALUES(9,'capture_payment',0,'default:orders:u-10:capture_payment:0','done',999999432.491);
INSERT INTO "effects" VALUES(9,'issue_stock',0,'default:orders:u-10:issue_stock:0','done',999999453.812);
INSERT INTO "effects" VALUES(9,'open_payment',0,'default:orders:u-10:open_payment:0','done',999999432.461);
INSERT INTO "effects" VALUES(9,'reserve_stock',0,'default:orders:u-10:reserve_stock:0','done',999999432.45);
INSERT INTO "effects" VALUES(10,'authorise_payment',0,'default:orders:u-7:authorise_payment:0','done',999999432.471);
INSERT INTO "effects" VALUES(10,'book_shipment',0,'default:orders:u-7:book_shipment:0','intended',999999442.633);
INSERT INTO "effects" VALUES(10,'capture_payment',0,'default:orders:u-7:capture_payment:0','done',999999432.491);
INSERT INTO "effects" VALUES(10,'open_payment',0,'default:orders:u-7:open_payment:0','done',999999432.461);
INSERT INTO "effects" VALUES(10,'reserve_stock',0,'default:orders:u-7:reserve_stock:0','done',999999432.45);
INSERT INTO "effects" VALUES(11,'authorise_payment',0,'default:orders:u-8:authorise_payment:0','done',999999432.471);
INSERT INTO "effects" VALUES(11,'book_shipment',0,'default:orders:u-8:book_shipment:0','intended',999999442.633);
INSERT INTO "effects" VALUES(11,'capture_payment',0,'default:orders:u-8:capture_payment:0','done',999999432.491);
INSERT INTO "effects" VALUES(11,'open_payment',0,'default:orders:u-8:open_payment:0','done',999999432.461);
INSERT INTO "effects" VALUES(11,'reserve_stock',0,'default:orders:u-8:reserve_stock:0','done',999999432.45);
INSERT INTO "effects" VALUES(12,'authorise_payment',0,'default:orders:u-9:authorise_payment:0','done',999999432.471);
INSERT INTO "effects" VALUES(12,'book_shipment',0,'default:orders:u-9:book_shipment:0','intended',999999442.633);
INSERT INTO "effects" VALUES(12,'capture_payment',0,'default:orders:u-9:capture_payment:0','done',999999432.491);
INSERT INTO "effects" VALUES(12,'open_payment',0,'default:orders:u-9:open_payment:0','done',999999432.461);
INSERT INTO "effects" VALUES(12,'reserve_stock',0,'default:orders:u-9:reserve_stock:0','done',999999432.45);
INSERT INTO "effects" VALUES(13,'authorise_payment',0,'default:orders:u-11:authorise_payment:0','done',999999442.77);
INSERT INTO "effects" VALUES(13,'book_shipment',0,'default:orders:u-11:book_shipment:0','refused',999999442.787);
INSERT INTO "effects" VALUES(13,'capture_payment',0,'default:orders:u-11:capture_payment:0','done',999999442.78);
INSERT INTO "effects" VALUES(13,'close_payment',0,'default:orders:u-11:close_payment:0','intended',999999453.425);
INSERT INTO "effects" VALUES(13,'open_payment',0,'default:orders:u-11:open_payment:0','done',999999442.761);
INSERT INTO "effects" VALUES(13,'reserve_stock',0,'default:orders:u-11:reserve_stock:0','done',999999442.752);
INSERT INTO "effects" VALUES(14,'authorise_payment',0,'default:orders:u-12:authorise_payment:0','done',999999454.15);
INSERT INTO "effects" VALUES(14,'book_shipment',0,'default:orders:u-12:book_shipment:0','refused',999999454.179);
INSERT INTO "effects" VALUES(14,'capture_payment',0,'default:orders:u-12:capture_payment:0','done',999999454.161);
INSERT INTO "effects" VALUES(14,'open_payment',0,'default:orders:u-12:open_payment:0','done',999999454.137);
INSERT INTO "effects" VALUES(14,'reserve_stock',0,'default:orders:u-12:reserve_stock:0','done',999999454.123);
INSERT INTO "effects" VALUES(15,'authorise_payment',0,'default:orders:u-19:authorise_payment:0','done',999999454.462);
INSERT INTO "effects" VALUES(15,'book_shipment',0,'default:orders:u-19:book_shipment:0','done',999999454.477);
INSERT INTO "effects" VALUES(15,'capture_payment',0,'default:orders:u-19:capture_payment:0','done',999999454.472);
INSERT INTO "effects" VALUES(15,'issue_stock',0,'default:orders:u-19:issue_stock:0','done',999999454.525);
INSERT INTO "effects" VALUES(15,'open_payment',0,'default:orders:u-19:open_payment:0','done',999999454.449);
INSERT INTO "effects" VALUES(15,'reserve_stock',0,'default:orders:u-19:reserve_stock:0','done',999999454.44);
INSERT INTO "effects" VALUES(16,'authorise_payment',0,'default:orders:u-13:authorise_payment:0','done',999999463.896);
INSERT INTO "effects" VALUES(16,'capture_payment',0,'default:orders:u-13:capture_payment:0','intended',999999463.929);
INSERT INTO "effects" VALUES(16,'open_payment',0,'default:orders:u-13:open_payment:0','done',999999463.856);
INSERT INTO "effects" VALUES(16,'reserve_stock',0,'default:orders:u-13:reserve_stock:0','done',999999463.196);
INSERT INTO "effects" VALUES(17,'authorise_payment',0,'default:orders:u-14:authorise_payment:0','done',999999470.989);
INSERT INTO "effects" VALUES(17,'book_shipment',0,'default:orders:u-14:book_shipment:0','refused',999999471.076);
INSERT INTO "effects" VALUES(17,'capture_payment',0,'default:orders:u-14:capture_payment:0','done',999999471.033);
INSERT INTO "effects" VALUES(17,'close_payment',0,'default:orders:u-14:close_payment:0','intended',999999471.097);
INSERT INTO "effects" VALUES(17,'open_payment',0,'default:orders:u-14:open_payment:0','done',999999470.968);
INSERT INTO "effects" VALUES(17,'reserve_stock',0,'default:orders:u-14:reserve_stock:0','done',999999470.407);
INSERT INTO "effects" VALUES(18,'authorise_payment',0,'default:orders:u-15:authorise_payment:0','done',999999477.468);
INSERT INTO "effects" VALUES(18,'book_shipment',0,'default:orders:u-15:book_shipment:0','done',999999477.521);
INSERT INTO "effects" VALUES(18,'capture_payment',0,'default:orders:u-15:capture_payment:0','done',999999477.488);
INSERT INTO "effects" VALUES(18,'open_payment',0,'default:orders:u-15:open_payment:0','done',999999477.445);
INSERT INTO "effects" VALUES(18,'reserve_stock',0,'default:orders:u-15:reserve_stock:0','done',999999477.356);
INSERT INTO "effects" VALUES(19,'authorise_payment',0,'default:orders:u-16:authorise_payment:0','done',999999483.935);
INSERT INTO "effects" VALUES(19,'book_shipment',0,'default:orders:u-16:book_shipment:0','done',999999484.009);
INSERT INTO "effects" VALUES(19,'capture_payment',0,'default:orders:u-16:capture_payment:0','done',999999483.966);
INSERT INTO "effects" VALUES(19,'issue_stock',0,'default:orders:u-16:issue_stock:0','done',999999484.036);
INSERT INTO "effects" VALUES(19,'open_payment',0,'default:orders:u-16:open_payment:0','done',999999483.902);
INSERT INTO "effects" VALUES(19,'reserve_stock',0,'default:orders:u-16:reserve_stock:0','done',999999483.228);
INSERT INTO "effects" VALUES(20,'authorise_payment',0,'default:orders:u-17:authorise_payment:0','done',999999491.014);
INSERT INTO "effects" VALUES(20,'book_shipment',0,'default:orders:u-17:book_shipment:0','done',999999491.086);
INSERT INTO "effects" VALUES(20,'capture_payment',0,'default:orders:u-17:capture_payment:0','done',999999491.06);
INSERT INTO "effects" VALUES(20,'issue_stock',0,'default:orders:u-17:issue_stock:0','done',999999491.093);
INSERT INTO "effects" VALUES(20,'open_payment',0,'default:orders:u-17:open_payment:0','done',999999490.958);
INSERT INTO "effects" VALUES(20,'reserve_stock',0,'default:orders:u-17:reserve_stock:0','done',999999490.424);
INSERT INTO "effects" VALUES(21,'authorise_payment',0,'default:orders:u-18:authorise_payment:0','intended',999999496.424);
INSERT INTO "effects" VALUES(21,'open_payment',0,'default:orders:u-18:open_payment:0','done',999999496.398);
INSERT INTO "effects" VALUES(21,'reserve_stock',0,'default:orders:u-18:reserve_stock:0','done',999999496.304);
INSERT INTO "effects" VALUES(22,'authorise_payment',0,'default:orders:u-27:authorise_payment:0','done',999999555.44);
INSERT INTO "effects" VALUES(22,'capture_payment',0,'default:orders:u-27:capture_payment:0','intended',999999555.473);
INSERT INTO "effects" VALUES(22,'open_payment',0,'default:orders:u-27:open_payment:0','done',999999555.392);
INSERT INTO "effects" VALUES(22,'reserve_stock',0,'default:orders:u-27:reserve_stock:0','done',999999546.711);
INSERT INTO "effects" VALUES(23,'carry_out',0,'default:turns:a#000001:carry_out:0','done',999999575.709);
INSERT INTO "effects" VALUES(24,'carry_out',0,'default:turns:a#000002:carry_out:0','done',999999576.249);
INSERT INTO "effects" VALUES(25,'apply_change',0,'default:changes:u-0:after-sales:apply_change:0','done',999999576.406);
INSERT INTO "effects" VALUES(26,'carry_out',0,'default:turns:c#000001:carry_out:0','done',999999576.82);
INSERT INTO "effects" VALUES(27,'carry_out',0,'default:turns:c#000002:carry_out:0','done',999999577.103);
INSERT INTO "effects" VALUES(29,'carry_out',0,'default:turns:d#000001:carry_out:0','done',999999578.092);
INSERT INTO "effects" VALUES(30,'carry_out',0,'default:turns:d#000002:carry_out:0','done',999999578.181);
INSERT INTO "effects" VALUES(32,'carry_out',0,'default:turns:d#000003:carry_out:0','done',999999578.278);
INSERT INTO "effects" VALUES(33,'carry_out',0,'default:turns:e#000001:carry_out:0','done',999999578.424);
INSERT INTO "effects" VALUES(35,'carry_out',0,'default:turns:i#000001:carry_out:0','done',999999578.548);
INSERT INTO "effects" VALUES(42,'carry_out',0,'default:turns:f#000001:carry_out:0','done',999999628.291);
INSERT INTO "effects" VALUES(43,'carry_out',0,'default:turns:f#000002:carry_out:0','done',999999628.337);
INSERT INTO "effects" VALUES(44,'apply_change',0,'default:changes:u-24:cancel:apply_change:0','done',999999628.353);
INSERT INTO "effects" VALUES(45,'carry_out',0,'default:turns:g#000001:carry_out:0','done',999999675.83);
INSERT INTO "effects" VALUES(46,'carry_out',0,'default:turns:g#000002:carry_out:0','done',999999675.909);
INSERT INTO "effects" VALUES(47,'apply_change',0,'default:changes:u-22:cancel:apply_change:0','done',999999675.927);
INSERT INTO "effects" VALUES(48,'carry_out',0,'default:turns:h#000001:carry_out:0','done',999999725.035);
INSERT INTO "effects" VALUES(49,'carry_out',0,'default:turns:h#000002:carry_out:0','done',999999725.327);
INSERT INTO "effects" VALUES(50,'apply_change',0,'default:changes:u-23:cancel:apply_change:0','done',999999725.344);
INSERT INTO "effects" VALUES(51,'apply_change',0,'default:changes:u-10:cancel:apply_change:0','refused',999999725.965);
CREATE TABLE history (
	item INTEGER NOT NULL, 
	sequence INTEGER NOT NULL, 
	at DOUBLE NOT NULL, 
	event TEXT NOT NULL, 
	source TEXT, 
	target TEXT NOT NULL, 
	owner TEXT, 
	fence INTEGER NOT NULL, 
	detail TEXT, 
	PRIMARY KEY (item, sequence), 
	FOREIGN KEY(item) REFERENCES items (id)
)
 WITHOUT ROWID

;
INSERT INTO "history" VALUES(1,1,999999431.489,'accept',NULL,'pending',NULL,0,NULL);
INSERT INTO "history" VALUES(1,2,999999431.489,'claim','pending','processing','host-12461-83d9839f8d18',1,NULL);
INSERT INTO "history" VALUES(1,3,999999431.985,'complete','processing','completed','host-12461-83d9839f8d18',1,NULL);
INSERT INTO "history" VALUES(2,1,999999431.489,'accept',NULL,'pending',NULL,0,NULL);
INSERT INTO "history" VALUES(2,2,999999431.489,'claim','pending','processing','host-12461-83d9839f8d18',1,NULL);
INSERT INTO "history" VALUES(2,3,999999431.914,'fail','processing','compensating','host-12461-83d9839f8d18',1,'no carrier takes the parcel: swift refused the parcel: weight: 40000 g is over the limit of 5000 g; bulky refused the parcel: weight: 40000 g is over the limit of 30000 g');
INSERT INTO "history" VALUES(2,4,999999432.187,'end_compensated','compensating','compensated','host-12461-83d9839f8d18',1,NULL);
INSERT INTO "history" VALUES(3,1,999999431.489,'accept',NULL,'pending',NULL,0,NULL);
INSERT INTO "history" VALUES(3,2,999999431.489,'claim','pending','processing','host-12461-83d9839f8d18',1,NULL);
INSERT INTO "history" VALUES(3,3,999999431.808,'fail','processing','compensating','host-12461-83d9839f8d18',1,'payment declined: insufficient_funds');
INSERT INTO "history" VALUES(3,4,999999432.181,'end_compensated','compensating','compensated','host-12461-83d9839f8d18',1,NULL);
INSERT INTO "history" VALUES(4,1,999999431.489,'accept',NULL,'pending',NULL,0,NULL);
INSERT INTO "history" VALUES(4,2,999999431.489,'claim','pending','processing','host-12461-83d9839f8d18',1,NULL);
INSERT INTO "history" VALUES(4,3,999999431.508,'park','processing','waiting','host-12461-83d9839f8d18',1,'risk 70: high-value, very-high-value');
INSERT INTO "history" VALUES(4,4,999999726.058,'escalate','waiting','waiting',NULL,1,'{"by":"Ann","reason":"waits for 86400 s"}');
INSERT INTO "history" VALUES(5,1,999999431.489,'accept',NULL,'pending',NULL,0,NULL);
INSERT INTO "history" VALUES(5,2,999999431.489,'claim','pending','processing','host-12461-83d9839f8d18',1,NULL);
INSERT INTO "history" VALUES(5,3,999999431.764,'fail','processing','compensating','host-12461-83d9839f8d18',1,'out of stock: 5 of u-rare wanted, 1 available');
INSERT INTO "history" VALUES(5,4,999999432.159,'end_failed','compensating','failed','host-12461-83d9839f8d18',1,NULL);
INSERT INTO "history" VALUES(6,1,999999431.489,'accept',NULL,'pending',NULL,0,NULL);
INSERT INTO "history" VALUES(6,2,999999431.489,'claim','pending','processing','host-12461-83d9839f8d18',1,NULL);
INSERT INTO "history" VALUES(6,3,999999431.508,'park','processing','waiting','host-12461-83d9839f8d18',1,'risk 70: high-value, very-high-value');
INSERT INTO "history" VALUES(7,1,999999431.489,'accept',NULL,'pending',NULL,0,NULL);
INSERT INTO "history" VALUES(7,2,999999431.489,'claim','pending','processing','host-12461-83d9839f8d18',1,NULL);
INSERT INTO "history" VALUES(7,3,999999431.508,'park','processing','waiting','host-12461-83d9839f8d18',1,'risk 70: high-value, very-high-value');
INSERT INTO "history" VALUES(7,4,999999726.042,'decide','waiting','pending',NULL,1,'{"by":"Ann","reason":"known customer","verdict":"approved","agent":"assess_risk"}');
INSERT INTO "history" VALUES(8,1,999999431.489,'accept',NULL,'pending',NULL,0,NULL);
INSERT INTO "history" VALUES(8,2,999999431.489,'claim','pending','processing','host-12461-83d9839f8d18',1,NULL);
INSERT INTO "history" VALUES(8,3,999999431.508,'park','processing','waiting','host-12461-83d9839f8d18',1,'risk 70: high-value, very-high-value');
INSERT INTO "history" VALUES(8,4,999999432.371,'cancel','waiting','compensating',NULL,1,'{"by":"Ann","reason":"customer called"}');
INSERT INTO "history" VALUES(8,5,999999432.384,'claim','compensating','compensating','host-12461-3f6d1a1646d8',2,NULL);
INSERT INTO "history" VALUES(8,6,999999432.391,'end_cancelled','compensating','cancelled','host-12461-3f6d1a1646d8',2,NULL);
INSERT INTO "history" VALUES(9,1,999999432.445,'accept',NULL,'pending',NULL,0,NULL);
INSERT INTO "history" VALUES(9,2,999999432.445,'claim','pending','processing','host-12461-06c4a68a64f8',1,NULL);
INSERT INTO "history" VALUES(9,3,999999432.525,'delay','processing','pending','host-12461-06c4a68a64f8',1,'swift book: out of service (503)');
INSERT INTO "history" VALUES(9,4,999999434.537,'claim','pending','processing','host-12461-06c4a68a64f8',2,NULL);
INSERT INTO "history" VALUES(9,5,999999434.549,'delay','processing','pending','host-12461-06c4a68a64f8',2,'swift book: out of service (503)');
INSERT INTO "history" VALUES(9,6,999999436.56,'claim','pending','processing','host-12461-06c4a68a64f8',3,NULL);
INSERT INTO "history" VALUES(9,7,999999436.574,'delay','processing','pending','host-12461-06c4a68a64f8',3,'swift book: out of service (503)');
INSERT INTO "history" VALUES(9,8,999999438.581,'claim','pending','processing','host-12461-06c4a68a64f8',4,NULL);
INSERT INTO "history" VALUES(9,9,999999438.596,'delay','processing','pending','host-12461-06c4a68a64f8',4,'swift book: out of service (503)');
INSERT INTO "history" VALUES(9,10,999999440.604,'claim','pending','processing','host-12461-06c4a68a64f8',5,NULL);
INSERT INTO "history" VALUES(9,11,999999440.62,'delay','processing','pending','host-12461-06c4a68a64f8',5,'swift book: out of service (503)');
INSERT INTO "history" VALUES(9,12,999999442.629,'claim','pending','processing','host-12461-06c4a68a64f8',6,NULL);
INSERT INTO "history" VALUES(9,13,999999442.642,'dead_letter','processing','dead_lettered','host-12461-06c4a68a64f8',6,'swift book: out of service (503)');
INSERT INTO "history" VALUES(9,14,999999453.722,'replay','dead_lettered','pending',NULL,6,'{"by":"Ann","reason":"the carrier is back"}');
INSERT INTO "history" VALUES(9,15,999999453.788,'claim','pending','processing','host-12461-8ec544161567',7,NULL);
INSERT INTO "history" VALUES(9,16,999999453.822,'complete','processing','completed','host-12461-8ec544161567',7,NULL);
INSERT INTO "history" VALUES(10,1,999999432.445,'accept',NULL,'pending',NULL,0,NULL);
INSERT INTO "history" VALUES(10,2,999999432.445,'claim','pending','processing','host-12461-06c4a68a64f8',1,NULL);
INSERT INTO "history" VALUES(10,3,999999432.525,'delay','processing','pending','host-12461-06c4a68a64f8',1,'swift book: out of service (503)');
INSERT INTO "history" VALUES(10,4,999999434.537,'claim','pending','processing','host-12461-06c4a68a64f8',2,NULL);
INSERT INTO "history" VALUES(10,5,999999434.549,'delay','processing','pending','host-12461-06c4a68a64f8',2,'swift book: out of service (503)');
INSERT INTO "history" VALUES(10,6,999999436.56,'claim','pending','processing','host-12461-06c4a68a64f8',3,NULL);
INSERT INTO "history" VALUES(10,7,999999436.574,'delay','processing','pending','host-12461-06c4a68a64f8',3,'swift book: out of service (503)');
INSERT INTO "history" VALUES(10,8,999999438.581,'claim','pending','processing','host-12461-06c4a68a64f8',4,NULL);
INSERT INTO "history" VALUES(10,9,999999438.596,'delay','processing','pending','host-12461-06c4a68a64f8',4,'swift book: out of service (503)');
INSERT INTO "history" VALUES(10,10,999999440.604,'claim','pending','processing','host-12461-06c4a68a64f8',5,NULL);
INSERT INTO "history" VALUES(10,11,999999440.621,'delay','processing','pending','host-12461-06c4a68a64f8',5,'swift book: out of service (503)');
INSERT INTO "history" VALUES(10,12,999999442.629,'claim','pending','processing','host-12461-06c4a68a64f8',6,NULL);
INSERT INTO "history" VALUES(10,13,999999442.642,'dead_letter','processing','dead_lettered','host-12461-06c4a68a64f8',6,'swift book: out of service (503)');
INSERT INTO "history" VALUES(11,1,999999432.445,'accept',NULL,'pending',NULL,0,NULL);
INSERT INTO "history" VALUES(11,2,999999432.445,'claim','pending','processing','host-12461-06c4a68a64f8',1,NULL);
INSERT INTO "history" VALUES(11,3,999999432.525,'delay','processing','pending','host-12461-06c4a68a64f8',1,'swift book: out of service (503)');
INSERT INTO "history" VALUES(11,4,999999434.537,'claim','pending','processing','host-12461-06c4a68a64f8',2,NULL);
INSERT INTO "history" VALUES(11,5,999999434.549,'delay','processing','pending','host-12461-06c4a68a64f8',2,'swift book: out of service (503)');
INSERT INTO "history" VALUES(11,6,999999436.56,'claim','pending','processing','host-12461-06c4a68a64f8',3,NULL);
INSERT INTO "history" VALUES(11,7,999999436.574,'delay','processing','pending','host-12461-06c4a68a64f8',3,'swift book: out of service (503)');
INSERT INTO "history" VALUES(11,8,999999438.581,'claim','pending','processing','host-12461-06c4a68a64f8',4,NULL);
INSERT INTO "history" VALUES(11,9,999999438.596,'delay','processing','pending','host-12461-06c4a68a64f8',4,'swift book: out of service (503)');
INSERT INTO "history" VALUES(11,10,999999440.604,'claim','pending','processing','host-12461-06c4a68a64f8',5,NULL);
INSERT INTO "history" VALUES(11,11,999999440.621,'delay','processing','pending','host-12461-06c4a68a64f8',5,'swift book: out of service (503)');
INSERT INTO "history" VALUES(11,12,999999442.629,'claim','pending','processing','host-12461-06c4a68a64f8',6,NULL);
INSERT INTO "history" VALUES(11,13,999999442.642,'dead_letter','processing','dead_lettered','host-12461-06c4a68a64f8',6,'swift book: out of service (503)');
INSERT INTO "history" VALUES(11,14,999999453.647,'discard','dead_lettered','failed',NULL,6,'{"by":"Ann","reason":"settled by telephone"}');
INSERT INTO "history" VALUES(12,1,999999432.445,'accept',NULL,'pending',NULL,0,NULL);
INSERT INTO "history" VALUES(12,2,999999432.445,'claim','pending','processing','host-12461-06c4a68a64f8',1,NULL);
INSERT INTO "history" VALUES(12,3,999999432.525,'delay','processing','pending','host-12461-06c4a68a64f8',1,'swift book: out of service (503)');
INSERT INTO "history" VALUES(12,4,999999434.537,'claim','pending','processing','host-12461-06c4a68a64f8',2,NULL);
INSERT INTO "history" VALUES(12,5,999999434.549,'delay','processing','pending','host-12461-06c4a68a64f8',2,'swift book: out of service (503)');
INSERT INTO "history" VALUES(12,6,999999436.56,'claim','pending','processing','host-12461-06c4a68a64f8',3,NULL);
INSERT INTO "history" VALUES(12,7,999999436.574,'delay','processing','pending','host-12461-06c4a68a64f8',3,'swift book: out of service (503)');
INSERT INTO "history" VALUES(12,8,999999438.581,'claim','pending','processing','host-12461-06c4a68a64f8',4,NULL);
INSERT INTO "history" VALUES(12,9,999999438.596,'delay','processing','pending','host-12461-06c4a68a64f8',4,'swift book: out of service (503)');
INSERT INTO "history" VALUES(12,10,999999440.604,'claim','pending','processing','host-12461-06c4a68a64f8',5,NULL);
INSERT INTO "history" VALUES(12,11,999999440.621,'delay','processing','pending','host-12461-06c4a68a64f8',5,'swift book: out of service (503)');
INSERT INTO "history" VALUES(12,12,999999442.629,'claim','pending','processing','host-12461-06c4a68a64f8',6,NULL);
INSERT INTO "history" VALUES(12,13,999999442.642,'dead_letter','processing','dead_lettered','host-12461-06c4a68a64f8',6,'swift book: out of service (503)');
INSERT INTO "history" VALUES(12,14,999999453.695,'mend','dead_lettered','dead_lettered',NULL,6,'{"by":"Ann","reason":"wrong street","before":"b416cebbf76c1b714a6fe1bfcc600bc690a889e4328ba129f03e2c0a5768800f","after":"a2ecc97bfb552aa69318e2f2b8e38f0fd40f9cbaf5c6a694210590d202cf9e74"}');
INSERT INTO "history" VALUES(13,1,999999442.728,'accept',NULL,'pending',NULL,0,NULL);
INSERT INTO "history" VALUES(13,2,999999442.728,'claim','pending','processing','host-12461-126bd9c77243',1,NULL);
INSERT INTO "history" VALUES(13,3,999999442.797,'fail','processing','compensating','host-12461-126bd9c77243',1,'no carrier takes the parcel: swift refused the parcel: weight: 40000 g is over the limit of 5000 g; bulky refused the parcel: weight: 40000 g is over the limit of 30000 g');
INSERT INTO "history" VALUES(13,4,999999442.832,'delay','compensating','compensating','host-12461-126bd9c77243',1,'payments refund: out of service (503)');
INSERT INTO "history" VALUES(13,5,999999444.841,'claim','compensating','compensating','host-12461-126bd9c77243',2,NULL);
INSERT INTO "history" VALUES(13,6,999999444.921,'delay','compensating','compensating','host-12461-126bd9c77243',2,'payments refund: out of service (503)');
INSERT INTO "history" VALUES(13,7,999999446.962,'claim','compensating','compensating','host-12461-126bd9c77243',3,NULL);
INSERT INTO "history" VALUES(13,8,999999447.047,'delay','compensating','compensating','host-12461-126bd9c77243',3,'payments refund: out of service (503)');
INSERT INTO "history" VALUES(13,9,999999449.082,'claim','compensating','compensating','host-12461-126bd9c77243',4,NULL);
INSERT INTO "history" VALUES(13,10,999999449.128,'delay','compensating','compensating','host-12461-126bd9c77243',4,'payments refund: out of service (503)');
INSERT INTO "history" VALUES(13,11,999999451.173,'claim','compensating','compensating','host-12461-126bd9c77243',5,NULL);
INSERT INTO "history" VALUES(13,12,999999451.331,'delay','compensating','compensating','host-12461-126bd9c77243',5,'payments refund: out of service (503)');
INSERT INTO "history" VALUES(13,13,999999453.39,'claim','compensating','compensating','host-12461-126bd9c77243',6,NULL);
INSERT INTO "history" VALUES(13,14,999999453.51,'dead_letter','compensating','compensating','host-12461-126bd9c77243',6,'payments refund: out of service (503)');
INSERT INTO "history" VALUES(14,1,999999454.001,'accept',NULL,'pending',NULL,0,NULL);
INSERT INTO "history" VALUES(14,2,999999454.002,'claim','pending','processing','host-12461-92ab63623fc1',1,NULL);
INSERT INTO "history" VALUES(14,3,999999454.006,'park','processing','waiting','host-12461-92ab63623fc1',1,'risk 70: high-value, very-high-value');
INSERT INTO "history" VALUES(14,4,999999454.093,'decide','waiting','pending',NULL,1,'{"by":"Ann","reason":"known customer","verdict":"approved","agent":"assess_risk"}');
INSERT INTO "history" VALUES(14,5,999999454.114,'claim','pending','processing','host-12461-9b8e7ea42905',2,NULL);
INSERT INTO "history" VALUES(14,6,999999454.199,'fail','processing','compensating','host-12461-9b8e7ea42905',2,'no carrier takes the parcel: swift refused the parcel: weight: 40000 g is over the limit of 5000 g; bulky refused the parcel: weight: 40000 g is over the limit of 30000 g');
INSERT INTO "history" VALUES(14,7,999999454.242,'park','compensating','compensating','host-12461-9b8e7ea42905',2,'refund USD 11,000.00?');
INSERT INTO "history" VALUES(15,1,999999454.001,'accept',NULL,'pending',NULL,0,NULL);
INSERT INTO "history" VALUES(15,2,999999454.002,'claim','pending','processing','host-12461-92ab63623fc1',1,NULL);
INSERT INTO "history" VALUES(15,3,999999454.006,'park','processing','waiting','host-12461-92ab63623fc1',1,'risk 100: high-value, very-high-value, many-pieces-of-one');
INSERT INTO "history" VALUES(15,4,999999454.416,'decide','waiting','pending',NULL,1,'{"by":"Ann","reason":"known customer","verdict":"approved","agent":"assess_risk"}');
INSERT INTO "history" VALUES(15,5,999999454.431,'claim','pending','processing','host-12461-cc5592ba7184',2,NULL);
INSERT INTO "history" VALUES(15,6,999999454.551,'complete','processing','completed','host-12461-cc5592ba7184',2,NULL);
INSERT INTO "history" VALUES(16,1,999999463.152,'accept',NULL,'pending',NULL,0,NULL);
INSERT INTO "history" VALUES(16,2,999999463.152,'claim','pending','processing','host-14035-06062121768a',1,NULL);
INSERT INTO "history" VALUES(16,3,999999463.38,'delay','processing','pending','host-14035-06062121768a',1,'open_payment: this process''s lease ends in 1.3 s, sooner than a call may take (1.3 s)');
INSERT INTO "history" VALUES(16,4,999999463.838,'claim','pending','processing','host-14035-06062121768a',2,NULL);
INSERT INTO "history" VALUES(17,1,999999470.328,'accept',NULL,'pending',NULL,0,NULL);
INSERT INTO "history" VALUES(17,2,999999470.328,'claim','pending','processing','host-14383-c8637c40086f',1,NULL);
INSERT INTO "history" VALUES(17,3,999999470.549,'delay','processing','pending','host-14383-c8637c40086f',1,'open_payment: this process''s lease ends in 1.3 s, sooner than a call may take (1.3 s)');
INSERT INTO "history" VALUES(17,4,999999470.96,'claim','pending','processing','host-14383-c8637c40086f',2,NULL);
INSERT INTO "history" VALUES(17,5,999999471.095,'fail','processing','compensating','host-14383-c8637c40086f',2,'no carrier takes the parcel: swift refused the parcel: weight: 40000 g is over the limit of 5000 g; bulky refused the parcel: weight: 40000 g is over the limit of 30000 g');
INSERT INTO "history" VALUES(18,1,999999477.334,'accept',NULL,'pending',NULL,0,NULL);
INSERT INTO "history" VALUES(18,2,999999477.335,'claim','pending','processing','host-14590-b16211591fdb',1,NULL);
INSERT INTO "history" VALUES(19,1,999999483.221,'accept',NULL,'pending',NULL,0,NULL);
INSERT INTO "history" VALUES(19,2,999999483.221,'claim','pending','processing','host-14708-e28c1f638f88',1,NULL);
INSERT INTO "history" VALUES(19,3,999999483.455,'delay','processing','pending','host-14708-e28c1f638f88',1,'open_payment: this process''s lease ends in 1.2 s, sooner than a call may take (1.3 s)');
INSERT INTO "history" VALUES(19,4,999999483.884,'claim','pending','processing','host-14708-e28c1f638f88',2,NULL);
INSERT INTO "history" VALUES(19,5,999999484.092,'complete','processing','completed','host-14708-e28c1f638f88',2,NULL);
INSERT INTO "history" VALUES(20,1,999999490.396,'accept',NULL,'pending',NULL,0,NULL);
INSERT INTO "history" VALUES(20,2,999999490.397,'claim','pending','processing','host-14756-d3239cfca2a3',1,NULL);
INSERT INTO "history" VALUES(20,3,999999491.1,'complete','processing','completed','host-14756-d3239cfca2a3',1,NULL);
INSERT INTO "history" VALUES(21,1,999999496.283,'accept',NULL,'pending',NULL,0,NULL);
INSERT INTO "history" VALUES(21,2,999999496.284,'claim','pending','processing','host-14781-a5ae1480aa55',1,NULL);
INSERT INTO "history" VALUES(21,3,999999502.615,'take_over','processing','processing','host-14835-f27fa6c3b61d',2,NULL);
INSERT INTO "history" VALUES(21,4,999999502.666,'delay','processing','pending','host-14835-f27fa6c3b61d',2,'authorise_payment: this process''s lease ends in 1.2 s, sooner than a call may take (1.3 s)');
INSERT INTO "history" VALUES(21,5,999999503.131,'claim','pending','processing','host-14835-f27fa6c3b61d',3,NULL);
INSERT INTO "history" VALUES(21,6,999999510.724,'take_over','processing','processing','host-14986-6c23371c5a8f',4,NULL);
INSERT INTO "history" VALUES(21,7,999999510.792,'delay','processing','pending','host-14986-6c23371c5a8f',4,'authorise_payment: this process''s lease ends in 1.2 s, sooner than a call may take (1.3 s)');
INSERT INTO "history" VALUES(21,8,999999511.224,'claim','pending','processing','host-14986-6c23371c5a8f',5,NULL);
INSERT INTO "history" VALUES(21,9,999999518.6,'take_over','processing','processing','host-15016-e1a5d4aa3d1c',6,NULL);
INSERT INTO "history" VALUES(21,10,999999518.66,'delay','processing','pending','host-15016-e1a5d4aa3d1c',6,'authorise_payment: this process''s lease ends in 1.3 s, sooner than a call may take (1.3 s)');
INSERT INTO "history" VALUES(21,11,999999519.096,'claim','pending','processing','host-15016-e1a5d4aa3d1c',7,NULL);
INSERT INTO "history" VALUES(21,12,999999526.783,'take_over','processing','processing','host-15033-3dc9d541afb2',8,NULL);
INSERT INTO "history" VALUES(21,13,999999526.864,'delay','processing','pending','host-15033-3dc9d541afb2',8,'authorise_payment: this process''s lease ends in 1.3 s, sooner than a call may take (1.3 s)');
INSERT INTO "history" VALUES(21,14,999999527.319,'claim','pending','processing','host-15033-3dc9d541afb2',9,NULL);
INSERT INTO "history" VALUES(21,15,999999537.688,'take_over','processing','processing','host-15396-47fe2faeb423',10,NULL);
INSERT INTO "history" VALUES(21,16,999999537.689,'dead_letter','processing','dead_lettered','host-15396-47fe2faeb423',10,'5 processes died while they worked on it, the last two on it alone');
INSERT INTO "history" VALUES(22,1,999999546.209,'accept',NULL,'pending',NULL,0,NULL);
INSERT INTO "history" VALUES(22,2,999999546.22,'claim','pending','processing','host-15857-fcba6b66854a',1,NULL);
INSERT INTO "history" VALUES(22,3,999999546.247,'delay','processing','pending','host-15857-fcba6b66854a',1,'reserve_stock: this process''s lease ends in 1.2 s, sooner than a call may take (1.3 s)');
INSERT INTO "history" VALUES(22,4,999999546.675,'claim','pending','processing','host-15857-fcba6b66854a',2,NULL);
INSERT INTO "history" VALUES(22,5,999999554.736,'take_over','processing','processing','host-16222-f2f5624c02cd',3,NULL);
INSERT INTO "history" VALUES(22,6,999999554.932,'delay','processing','pending','host-16222-f2f5624c02cd',3,'open_payment: this process''s lease ends in 1.3 s, sooner than a call may take (1.3 s)');
INSERT INTO "history" VALUES(22,7,999999555.367,'claim','pending','processing','host-16222-f2f5624c02cd',4,NULL);
INSERT INTO "history" VALUES(23,1,999999561.457,'accept',NULL,'pending',NULL,0,NULL);
INSERT INTO "history" VALUES(23,2,999999561.457,'claim','pending','processing','host-12461-81b3a9998606',1,NULL);
INSERT INTO "history" VALUES(23,3,999999575.993,'complete','processing','completed','host-12461-81b3a9998606',1,NULL);
INSERT INTO "history" VALUES(24,1,999999576.061,'accept',NULL,'pending',NULL,0,NULL);
INSERT INTO "history" VALUES(24,2,999999576.062,'claim','pending','processing','host-12461-81b3a9998606',1,NULL);
INSERT INTO "history" VALUES(24,3,999999576.472,'complete','processing','completed','host-12461-81b3a9998606',1,NULL);
INSERT INTO "history" VALUES(25,1,999999576.264,'accept',NULL,'pending',NULL,0,NULL);
INSERT INTO "history" VALUES(25,2,999999576.348,'claim','pending','processing','host-12461-81b3a9998606',1,NULL);
INSERT INTO "history" VALUES(25,3,999999576.444,'complete','processing','completed','host-12461-81b3a9998606',1,NULL);
INSERT INTO "history" VALUES(26,1,999999576.603,'accept',NULL,'pending',NULL,0,NULL);
INSERT INTO "history" VALUES(26,2,999999576.605,'claim','pending','processing','host-12461-3331f0870416',1,NULL);
INSERT INTO "history" VALUES(26,3,999999576.932,'complete','processing','completed','host-12461-3331f0870416',1,NULL);
INSERT INTO "history" VALUES(27,1,999999576.981,'accept',NULL,'pending',NULL,0,NULL);
INSERT INTO "history" VALUES(27,2,999999576.982,'claim','pending','processing','host-12461-3331f0870416',1,NULL);
INSERT INTO "history" VALUES(27,3,999999577.559,'complete','processing','completed','host-12461-3331f0870416',1,NULL);
INSERT INTO "history" VALUES(28,1,999999577.152,'accept',NULL,'pending',NULL,0,NULL);
INSERT INTO "history" VALUES(28,2,999999577.3,'claim','pending','processing','host-12461-3331f0870416',1,NULL);
INSERT INTO "history" VALUES(28,3,999999577.484,'park','processing','waiting','host-12461-3331f0870416',1,'return of USD 11,000.00?');
INSERT INTO "history" VALUES(29,1,999999577.937,'accept',NULL,'pending',NULL,0,NULL);
INSERT INTO "history" VALUES(29,2,999999577.937,'claim','pending','processing','host-12461-fcbf3eebb77b',1,NULL);
INSERT INTO "history" VALUES(29,3,999999578.105,'complete','processing','completed','host-12461-fcbf3eebb77b',1,NULL);
INSERT INTO "history" VALUES(30,1,999999578.109,'accept',NULL,'pending',NULL,0,NULL);
INSERT INTO "history" VALUES(30,2,999999578.109,'claim','pending','processing','host-12461-fcbf3eebb77b',1,NULL);
INSERT INTO "history" VALUES(30,3,999999578.211,'complete','processing','completed','host-12461-fcbf3eebb77b',1,NULL);
INSERT INTO "history" VALUES(31,1,999999578.189,'accept',NULL,'pending',NULL,0,NULL);
INSERT INTO "history" VALUES(31,2,999999578.2,'claim','pending','processing','host-12461-fcbf3eebb77b',1,NULL);
INSERT INTO "history" VALUES(31,3,999999578.205,'park','processing','waiting','host-12461-fcbf3eebb77b',1,'conversation d: asked for');
INSERT INTO "history" VALUES(32,1,999999578.214,'accept',NULL,'pending',NULL,0,NULL);
INSERT INTO "history" VALUES(32,2,999999578.214,'claim','pending','processing','host-12461-fcbf3eebb77b',1,NULL);
INSERT INTO "history" VALUES(32,3,999999578.316,'complete','processing','completed','host-12461-fcbf3eebb77b',1,NULL);
INSERT INTO "history" VALUES(33,1,999999578.382,'accept',NULL,'pending',NULL,0,NULL);
INSERT INTO "history" VALUES(33,2,999999578.382,'claim','pending','processing','host-12461-9c4c23b9ebea',1,NULL);
INSERT INTO "history" VALUES(33,3,999999578.472,'complete','processing','completed','host-12461-9c4c23b9ebea',1,NULL);
INSERT INTO "history" VALUES(34,1,999999578.447,'accept',NULL,'pending',NULL,0,NULL);
INSERT INTO "history" VALUES(34,2,999999578.46,'claim','pending','processing','host-12461-9c4c23b9ebea',1,NULL);
INSERT INTO "history" VALUES(34,3,999999578.465,'park','processing','waiting','host-12461-9c4c23b9ebea',1,'conversation e: asked for');
INSERT INTO "history" VALUES(34,4,999999578.793,'decide','waiting','pending',NULL,1,'{"by":"Ann","reason":"your lamp is on its way","verdict":"approved","agent":"await_person"}');
INSERT INTO "history" VALUES(34,5,999999578.851,'claim','pending','processing','host-12461-9be468bec4cf',2,NULL);
INSERT INTO "history" VALUES(34,6,999999579.046,'complete','processing','completed','host-12461-9be468bec4cf',2,NULL);
INSERT INTO "history" VALUES(35,1,999999578.509,'accept',NULL,'pending',NULL,0,NULL);
INSERT INTO "history" VALUES(35,2,999999578.509,'claim','pending','processing','host-12461-bf6c8dcbc70a',1,NULL);
INSERT INTO "history" VALUES(35,3,999999578.604,'complete','processing','completed','host-12461-bf6c8dcbc70a',1,NULL);
INSERT INTO "history" VALUES(36,1,999999578.572,'accept',NULL,'pending',NULL,0,NULL);
INSERT INTO "history" VALUES(36,2,999999578.592,'claim','pending','processing','host-12461-bf6c8dcbc70a',1,NULL);
INSERT INTO "history" VALUES(36,3,999999578.597,'park','processing','waiting','host-12461-bf6c8dcbc70a',1,'conversation i: asked for');
INSERT INTO "history" VALUES(36,4,999999579.128,'decide','waiting','pending',NULL,1,'{"by":"Ann","reason":"called back","verdict":"approved","agent":"await_person"}');
INSERT INTO "history" VALUES(37,1,999999579.389,'accept',NULL,'pending',NULL,0,NULL);
INSERT INTO "history" VALUES(38,1,999999579.389,'accept',NULL,'pending',NULL,0,NULL);
INSERT INTO "history" VALUES(38,2,999999726.051,'cancel','pending','pending',NULL,0,'{"by":"Ann","reason":"customer called"}');
INSERT INTO "history" VALUES(39,1,999999579.389,'accept',NULL,'pending',NULL,0,NULL);
INSERT INTO "history" VALUES(39,2,999999675.935,'cancel','pending','pending',NULL,0,'{"by":"customer c22","reason":"asked for in default:changes:u-22:cancel:apply_change:0"}');
INSERT INTO "history" VALUES(39,3,999999727.575,'move','pending','pending',NULL,0,'{"by":"Ann","reason":"urgent","to":"front"}');
INSERT INTO "history" VALUES(40,1,999999579.389,'accept',NULL,'pending',NULL,0,NULL);
INSERT INTO "history" VALUES(40,2,999999725.348,'cancel','pending','pending',NULL,0,'{"by":"customer c23","reason":"asked for in default:changes:u-23:cancel:apply_change:0"}');
INSERT INTO "history" VALUES(41,1,999999579.389,'accept',NULL,'pending',NULL,0,NULL);
INSERT INTO "history" VALUES(41,2,999999628.358,'cancel','pending','pending',NULL,0,'{"by":"customer c24","reason":"asked for in default:changes:u-24:cancel:apply_change:0"}');
INSERT INTO "history" VALUES(42,1,999999615.194,'accept',NULL,'pending',NULL,0,NULL);
INSERT INTO "history" VALUES(42,2,999999615.2,'claim','pending','processing','host-16845-afadb63fceb4',1,NULL);
INSERT INTO "history" VALUES(42,3,999999628.315,'complete','processing','completed','host-16845-afadb63fceb4',1,NULL);
INSERT INTO "history" VALUES(43,1,999999628.318,'accept',NULL,'pending',NULL,0,NULL);
INSERT INTO "history" VALUES(43,2,999999628.318,'claim','pending','processing','host-16845-afadb63fceb4',1,NULL);
INSERT INTO "history" VALUES(44,1,999999628.34,'accept',NULL,'pending',NULL,0,NULL);
INSERT INTO "history" VALUES(44,2,999999628.35,'claim','pending','processing','host-16845-afadb63fceb4',1,NULL);
INSERT INTO "history" VALUES(44,3,999999628.362,'complete','processing','completed','host-16845-afadb63fceb4',1,NULL);
INSERT INTO "history" VALUES(45,1,999999665.399,'accept',NULL,'pending',NULL,0,NULL);
INSERT INTO "history" VALUES(45,2,999999665.4,'claim','pending','processing','host-17515-b192bb64f80e',1,NULL);
INSERT INTO "history" VALUES(45,3,999999675.857,'complete','processing','completed','host-17515-b192bb64f80e',1,NULL);
INSERT INTO "history" VALUES(46,1,999999675.86,'accept',NULL,'pending',NULL,0,NULL);
INSERT INTO "history" VALUES(46,2,999999675.86,'claim','pending','processing','host-17515-b192bb64f80e',1,NULL);
INSERT INTO "history" VALUES(46,3,999999675.966,'dead_letter','processing','dead_lettered','host-17515-b192bb64f80e',1,'the change has no row');
INSERT INTO "history" VALUES(47,1,999999675.913,'accept',NULL,'pending',NULL,0,NULL);
INSERT INTO "history" VALUES(47,2,999999675.923,'claim','pending','processing','host-17515-b192bb64f80e',1,NULL);
INSERT INTO "history" VALUES(47,3,999999675.953,'complete','processing','completed','host-17515-b192bb64f80e',1,NULL);
INSERT INTO "history" VALUES(48,1,999999708.071,'accept',NULL,'pending',NULL,0,NULL);
INSERT INTO "history" VALUES(48,2,999999708.072,'claim','pending','processing','host-18471-3a9a8e1bf1ae',1,NULL);
INSERT INTO "history" VALUES(48,3,999999725.102,'complete','processing','completed','host-18471-3a9a8e1bf1ae',1,NULL);
INSERT INTO "history" VALUES(49,1,999999725.113,'accept',NULL,'pending',NULL,0,NULL);
INSERT INTO "history" VALUES(49,2,999999725.113,'claim','pending','processing','host-18471-3a9a8e1bf1ae',1,NULL);
INSERT INTO "history" VALUES(50,1,999999725.33,'accept',NULL,'pending',NULL,0,NULL);
INSERT INTO "history" VALUES(50,2,999999725.341,'claim','pending','processing','host-18471-3a9a8e1bf1ae',1,NULL);
INSERT INTO "history" VALUES(50,3,999999725.351,'complete','processing','completed','host-18471-3a9a8e1bf1ae',1,NULL);
INSERT INTO "history" VALUES(51,1,999999725.762,'accept',NULL,'pending',NULL,0,NULL);
INSERT INTO "history" VALUES(51,2,999999725.884,'claim','pending','processing','host-12461-9b6c7fd2d712',1,NULL);
INSERT INTO "history" VALUES(51,3,999999726.017,'fail','processing','compensating','host-12461-9b6c7fd2d712',1,'refused, not-pending: u-10');
INSERT INTO "history" VALUES(51,4,999999726.027,'end_failed','compensating','failed','host-12461-9b6c7fd2d712',1,NULL);
INSERT INTO "history" VALUES(52,1,999999726.036,'accept',NULL,'pending',NULL,0,NULL);
INSERT INTO "history" VALUES(53,1,999999726.209,'accept',NULL,'pending',NULL,0,NULL);
INSERT INTO "history" VALUES(54,1,999999727.663,'accept',NULL,'pending',NULL,0,NULL);
INSERT INTO "history" VALUES(55,1,999999727.663,'accept',NULL,'pending',NULL,0,NULL);
INSERT INTO "history" VALUES(56,1,999999728.205,'accept',NULL,'pending',NULL,0,NULL);
INSERT INTO "history" VALUES(56,2,999999728.205,'claim','pending','processing','host-12461-15a95f2ae11b',1,NULL);
INSERT INTO "history" VALUES(56,3,999999745.833,'complete','processing','completed','host-12461-15a95f2ae11b',1,NULL);
INSERT INTO "history" VALUES(57,1,999999728.205,'accept',NULL,'pending',NULL,0,NULL);
INSERT INTO "history" VALUES(57,2,999999728.205,'claim','pending','processing','host-12461-15a95f2ae11b',1,NULL);
INSERT INTO "history" VALUES(57,3,999999745.833,'complete','processing','completed','host-12461-15a95f2ae11b',1,NULL);
INSERT INTO "history" VALUES(58,1,999999745.881,'accept',NULL,'pending',NULL,0,NULL);
INSERT INTO "history" VALUES(58,2,999999745.881,'claim','pending','processing','host-12461-15a95f2ae11b',1,NULL);
INSERT INTO "history" VALUES(58,3,999999767.926,'complete','processing','completed','host-12461-15a95f2ae11b',1,NULL);
INSERT INTO "history" VALUES(59,1,999999745.881,'accept',NULL,'pending',NULL,0,NULL);
INSERT INTO "history" VALUES(59,2,999999745.881,'claim','pending','processing','host-12461-15a95f2ae11b',1,NULL);
INSERT INTO "history" VALUES(59,3,999999767.926,'complete','processing','completed','host-12461-15a95f2ae11b',1,NULL);
INSERT INTO "history" VALUES(60,1,999999745.881,'accept',NULL,'pending',NULL,0,NULL);
INSERT INTO "history" VALUES(60,2,999999745.881,'claim','pending','processing','host-12461-15a95f2ae11b',1,NULL);
INSERT INTO "history" VALUES(60,3,999999767.927,'complete','processing','completed','host-12461-15a95f2ae11b',1,NULL);
INSERT INTO "history" VALUES(61,1,999999767.96,'accept',NULL,'pending',NULL,0,NULL);
INSERT INTO "history" VALUES(61,2,999999767.96,'claim','pending','processing','host-12461-15a95f2ae11b',1,NULL);
INSERT INTO "history" VALUES(61,3,999999771.874,'complete','processing','completed','host-12461-15a95f2ae11b',1,NULL);
INSERT INTO "history" VALUES(62,1,999999795.582,'accept',NULL,'pending',NULL,0,NULL);
INSERT INTO "history" VALUES(62,2,999999795.582,'claim','pending','processing','host-20586-5ac1ea67e3a6',1,NULL);
INSERT INTO "history" VALUES(62,3,999999809.145,'complete','processing','completed','host-20586-5ac1ea67e3a6',1,NULL);
INSERT INTO "history" VALUES(63,1,999999795.582,'accept',NULL,'pending',NULL,0,NULL);
INSERT INTO "history" VALUES(63,2,999999795.582,'claim','pending','processing','host-20586-5ac1ea67e3a6',1,NULL);
INSERT INTO "history" VALUES(63,3,999999809.145,'complete','processing','completed','host-20586-5ac1ea67e3a6',1,NULL);
INSERT INTO "history" VALUES(64,1,999999809.267,'accept',NULL,'pending',NULL,0,NULL);
INSERT INTO "history" VALUES(64,2,999999809.267,'claim','pending','processing','host-20586-5ac1ea67e3a6',1,NULL);
INSERT INTO "history" VALUES(64,3,999999821.752,'complete','processing','completed','host-20586-5ac1ea67e3a6',1,NULL);
INSERT INTO "history" VALUES(65,1,999999809.267,'accept',NULL,'pending',NULL,0,NULL);
INSERT INTO "history" VALUES(65,2,999999809.267,'claim','pending','processing','host-20586-5ac1ea67e3a6',1,NULL);
INSERT INTO "history" VALUES(65,3,999999821.752,'complete','processing','completed','host-20586-5ac1ea67e3a6',1,NULL);
INSERT INTO "history" VALUES(66,1,999999809.267,'accept',NULL,'pending',NULL,0,NULL);
INSERT INTO "history" VALUES(66,2,999999809.267,'claim','pending','processing','host-20586-5ac1ea67e3a6',1,NULL);
INSERT INTO "history" VALUES(66,3,999999821.753,'complete','processing','completed','host-20586-5ac1ea67e3a6',1,NULL);
INSERT INTO "history" VALUES(67,1,999999821.759,'accept',NULL,'pending',NULL,0,NULL);
INSERT INTO "history" VALUES(67,2,999999821.759,'claim','pending','processing','host-20586-5ac1ea67e3a6',1,NULL);
INSERT INTO "history" VALUES(68,1,999999832.262,'accept',NULL,'pending',NULL,0,NULL);
INSERT INTO "history" VALUES(68,2,999999832.262,'claim','pending','processing','host-21424-e4770f52ee9e',1,NULL);
INSERT INTO "history" VALUES(68,3,999999842.092,'complete','processing','completed','host-21424-e4770f52ee9e',1,NULL);
INSERT INTO "history" VALUES(69,1,999999832.262,'accept',NULL,'pending',NULL,0,NULL);
INSERT INTO "history" VALUES(69,2,999999832.262,'claim','pending','processing','host-21424-e4770f52ee9e',1,NULL);
INSERT INTO "history" VALUES(69,3,999999842.092,'complete','processing','completed','host-21424-e4770f52ee9e',1,NULL);
INSERT INTO "history" VALUES(70,1,999999842.162,'accept',NULL,'pending',NULL,0,NULL);
INSERT INTO "history" VALUES(70,2,999999842.162,'claim','pending','processing','host-21424-e4770f52ee9e',1,NULL);
INSERT INTO "history" VALUES(71,1,999999842.162,'accept',NULL,'pending',NULL,0,NULL);
INSERT INTO "history" VALUES(71,2,999999842.162,'claim','pending','processing','host-21424-e4770f52ee9e',1,NULL);
INSERT INTO "history" VALUES(72,1,999999842.162,'accept',NULL,'pending',NULL,0,NULL);
INSERT INTO "history" VALUES(72,2,999999842.162,'claim','pending','processing','host-21424-e4770f52ee9e',1,NULL);
INSERT INTO "history" VALUES(73,1,999999864.787,'accept',NULL,'pending',NULL,0,NULL);
INSERT INTO "history" VALUES(73,2,999999864.794,'claim','pending','processing','host-22043-dd0819f9873d',1,NULL);
INSERT INTO "history" VALUES(73,3,999999879.547,'complete','processing','completed','host-22043-dd0819f9873d',1,NULL);
INSERT INTO "history" VALUES(74,1,999999864.787,'accept',NULL,'pending',NULL,0,NULL);
INSERT INTO "history" VALUES(74,2,999999864.794,'claim','pending','processing','host-22043-dd0819f9873d',1,NULL);
INSERT INTO "history" VALUES(74,3,999999879.547,'complete','processing','completed','host-22043-dd0819f9873d',1,NULL);
INSERT INTO "history" VALUES(75,1,999999879.561,'accept',NULL,'pending',NULL,0,NULL);
INSERT INTO "history" VALUES(75,2,999999879.561,'claim','pending','processing','host-22043-dd0819f9873d',1,NULL);
INSERT INTO "history" VALUES(75,3,999999902.083,'complete','processing','completed','host-22043-dd0819f9873d',1,NULL);
INSERT INTO "history" VALUES(76,1,999999879.561,'accept',NULL,'pending',NULL,0,NULL);
INSERT INTO "history" VALUES(76,2,999999879.561,'claim','pending','processing','host-22043-dd0819f9873d',1,NULL);
INSERT INTO "history" VALUES(76,3,999999902.083,'complete','processing','completed','host-22043-dd0819f9873d',1,NULL);
INSERT INTO "history" VALUES(77,1,999999879.561,'accept',NULL,'pending',NULL,0,NULL);
INSERT INTO "history" VALUES(77,2,999999879.561,'claim','pending','processing','host-22043-dd0819f9873d',1,NULL);
INSERT INTO "history" VALUES(77,3,999999902.083,'complete','processing','completed','host-22043-dd0819f9873d',1,NULL);
INSERT INTO "history" VALUES(78,1,999999902.296,'accept',NULL,'pending',NULL,0,NULL);
INSERT INTO "history" VALUES(78,2,999999902.296,'claim','pending','processing','host-22043-dd0819f9873d',1,NULL);
INSERT INTO "history" VALUES(78,3,999999921.587,'take_over','processing','processing','host-23880-4ba7a342b989',2,NULL);
INSERT INTO "history" VALUES(78,4,999999934.118,'dead_letter','processing','dead_lettered','host-23880-4ba7a342b989',2,'data/analysis/kiosks/models/0c1caa982a7110f577ab2d255d04b846/reference.parquet');
INSERT INTO "history" VALUES(79,1,999999934.667,'accept',NULL,'pending',NULL,0,NULL);
INSERT INTO "history" VALUES(79,2,999999934.668,'claim','pending','processing','host-12461-b1681c4e6d03',1,NULL);
INSERT INTO "history" VALUES(79,3,999999949.365,'fail','processing','compensating','host-12461-b1681c4e6d03',1,'no column ''at'', which is required; there are id, surprise: agree on a new contract or mend the source');
INSERT INTO "history" VALUES(79,4,999999949.368,'end_failed','compensating','failed','host-12461-b1681c4e6d03',1,NULL);
INSERT INTO "history" VALUES(80,1,999999967.594,'accept',NULL,'pending',NULL,0,NULL);
INSERT INTO "history" VALUES(80,2,999999967.594,'claim','pending','processing','host-24691-20cbb0b9a375',1,NULL);
CREATE TABLE inbox (
	message TEXT NOT NULL, 
	grp TEXT NOT NULL, 
	status TEXT NOT NULL, 
	deliveries INTEGER NOT NULL, 
	at DOUBLE NOT NULL, 
	PRIMARY KEY (message, grp)
);
INSERT INTO "inbox" VALUES('5db70ae552484636bdee4e918b890aa2','purchasing','handled',0,999999984.406);
INSERT INTO "inbox" VALUES('bf75ddd19c9041d7a75d39ed1cd1eb6e','purchasing','dead',5,999999988.612);
INSERT INTO "inbox" VALUES('54f63512822a49528cf1fe81617bc7bb','purchasing','dead',0,999999984.448);
INSERT INTO "inbox" VALUES('price:lamp','answers','handled',0,999999988.678);
INSERT INTO "inbox" VALUES('price:ghost','answers','dead',0,999999988.731);
CREATE TABLE items (
	id INTEGER NOT NULL, 
	tenant TEXT NOT NULL, 
	scenario TEXT NOT NULL, 
	"key" TEXT NOT NULL, 
	version TEXT NOT NULL, 
	state TEXT NOT NULL, 
	owner TEXT, 
	fence INTEGER NOT NULL, 
	deaths INTEGER NOT NULL, 
	sequence INTEGER NOT NULL, 
	cancel_requested BOOLEAN NOT NULL, 
	retry_at DOUBLE, 
	waiting_since DOUBLE, 
	decision TEXT, 
	outcome TEXT, 
	failure TEXT, 
	trace TEXT NOT NULL, 
	accepted_at DOUBLE NOT NULL, 
	ended_at DOUBLE, 
	body_hash TEXT NOT NULL, 
	body TEXT NOT NULL, priority TEXT DEFAULT 'normal' NOT NULL, rank DOUBLE DEFAULT '0' NOT NULL, deadline DOUBLE, 
	PRIMARY KEY (id), 
	CONSTRAINT items_key UNIQUE (tenant, scenario, "key")
);
INSERT INTO "items" VALUES(1,'default','orders','u-0','1','completed',NULL,1,0,3,0,NULL,NULL,NULL,'shipped',NULL,'261e3ebe02a24a30866e0c5d3c37bde3',999999431.485,999999431.985,'0f7d79eab74e7a9a103b546dea49112d7ee7e435a833050c64c7cc611ec0c618','{"address":{"city":"Reno","country":"US","line1":"1 Elm St","line2":"","postal_code":"89501","state":""},"currency":"USD","customer":{"email":"ann0@example.com","id":"c0","name":"Ann Lee"},"lines":[{"name":"lamp","quantity":2,"sku":"u-lamp","unit_price":1999}],"order_id":"u-0","payment_method":"pm_card_visa","placed_at":"2026-01-15T08:30:00Z","total":3998}','normal',999999431.484,NULL);
INSERT INTO "items" VALUES(2,'default','orders','u-1','1','compensated',NULL,1,0,4,0,NULL,NULL,NULL,'refunded','{"agent":"book_shipment","error_type":"NoCarrier","error":"no carrier takes the parcel: swift refused the parcel: weight: 40000 g is over the limit of 5000 g; bulky refused the parcel: weight: 40000 g is over the limit of 30000 g","cancelled":false}','0b59d2a2941e4394988226d5464d674b',999999431.485,999999432.187,'39fe1886c25aa4a3737ed61b43fd84e4570f656be2d88ec633f5d40147ded5c2','{"address":{"city":"Reno","country":"US","line1":"1 Elm St","line2":"","postal_code":"89501","state":""},"currency":"USD","customer":{"email":"ann1@example.com","id":"c1","name":"Ann Lee"},"lines":[{"name":"anvil","quantity":1,"sku":"u-anvil","unit_price":1999}],"order_id":"u-1","payment_method":"pm_card_visa","placed_at":"2026-01-15T08:30:00Z","total":1999}','normal',999999432.484,NULL);
INSERT INTO "items" VALUES(3,'default','orders','u-2','1','compensated',NULL,1,0,4,0,NULL,NULL,NULL,'rejected','{"agent":"authorise_payment","error_type":"Declined","error":"payment declined: insufficient_funds","cancelled":false}','b7b64ebfb8525fa2412260f020d6e761',999999431.485,999999432.18,'11d39cae9ab1f6c29c5bbd5f310ad3cb2677e20980ad0844c91b7982f882c520','{"address":{"city":"Reno","country":"US","line1":"1 Elm St","line2":"","postal_code":"89501","state":""},"currency":"USD","customer":{"email":"ann2@example.com","id":"c2","name":"Ann Lee"},"lines":[{"name":"lamp","quantity":1,"sku":"u-lamp","unit_price":1999}],"order_id":"u-2","payment_method":"pm_card_chargeDeclinedInsufficientFunds","placed_at":"2026-01-15T08:30:00Z","total":1999}','normal',999999433.484,NULL);
INSERT INTO "items" VALUES(4,'default','orders','u-26','1','waiting',NULL,1,0,4,0,1000258926.058,999999431.508,NULL,NULL,NULL,'33faf6bdcef6250969910a376b68f6e9',999999431.485,NULL,'cebffcc467679da338f46c009986e09318b5d04df81d5181b308181fa572ef79','{"address":{"city":"Reno","country":"US","line1":"1 Elm St","line2":"","postal_code":"89501","state":""},"currency":"USD","customer":{"email":"ann26@example.com","id":"c26","name":"Ann Lee"},"lines":[{"name":"lamp","quantity":1,"sku":"u-lamp","unit_price":700000}],"order_id":"u-26","payment_method":"pm_card_visa","placed_at":"2026-01-15T08:30:00Z","total":700000}','normal',999999438.484,NULL);
INSERT INTO "items" VALUES(5,'default','orders','u-3','1','failed',NULL,1,0,4,0,NULL,NULL,NULL,'rejected','{"agent":"reserve_stock","error_type":"OutOfStock","error":"out of stock: 5 of u-rare wanted, 1 available","cancelled":false}','3e7e6ebf00b66965e0e95bbea33b6531',999999431.485,999999432.159,'702b8ee04f6fca7286361c1d597b7f5570f0ba5dfa652636d64621dca07d1440','{"address":{"city":"Reno","country":"US","line1":"1 Elm St","line2":"","postal_code":"89501","state":""},"currency":"USD","customer":{"email":"ann3@example.com","id":"c3","name":"Ann Lee"},"lines":[{"name":"rare","quantity":5,"sku":"u-rare","unit_price":1999}],"order_id":"u-3","payment_method":"pm_card_visa","placed_at":"2026-01-15T08:30:00Z","total":9995}','normal',999999434.484,NULL);
INSERT INTO "items" VALUES(6,'default','orders','u-4','1','waiting',NULL,1,0,3,0,NULL,999999431.508,NULL,NULL,NULL,'d8a0db47f09b24a3b35e5ccf1f7e045b',999999431.485,NULL,'085df5b6eef338a2ce27d327a470373bbeb3db857be538553f968c3126742f58','{"address":{"city":"Reno","country":"US","line1":"1 Elm St","line2":"","postal_code":"89501","state":""},"currency":"USD","customer":{"email":"ann4@example.com","id":"c4","name":"Ann Lee"},"lines":[{"name":"lamp","quantity":1,"sku":"u-lamp","unit_price":700000}],"order_id":"u-4","payment_method":"pm_card_visa","placed_at":"2026-01-15T08:30:00Z","total":700000}','normal',999999435.484,NULL);
INSERT INTO "items" VALUES(7,'default','orders','u-5','1','pending',NULL,1,0,4,0,NULL,NULL,'{"agent":"assess_risk","approved":true,"by":"Ann","reason":"known customer"}',NULL,NULL,'ec9a164b50555f6c7b55cde0876fc2f2',999999431.485,NULL,'143ac5ecdc52f4943caf647bb21a5a60bde6fd7b018bec50f30fbec3dc22eb5e','{"address":{"city":"Reno","country":"US","line1":"1 Elm St","line2":"","postal_code":"89501","state":""},"currency":"USD","customer":{"email":"ann5@example.com","id":"c5","name":"Ann Lee"},"lines":[{"name":"lamp","quantity":1,"sku":"u-lamp","unit_price":700000}],"order_id":"u-5","payment_method":"pm_card_visa","placed_at":"2026-01-15T08:30:00Z","total":700000}','normal',999999436.484,NULL);
INSERT INTO "items" VALUES(8,'default','orders','u-6','1','cancelled',NULL,2,0,6,0,NULL,NULL,NULL,'rejected','{"agent":"cancel","error_type":"Cancelled","error":"customer called","cancelled":true}','dfc1a592fa4e31622088afe6a78b5bd6',999999431.485,999999432.391,'bf21f8a3d54dbee286730d325ca121176689842b8a4b42b621d1335ee733f679','{"address":{"city":"Reno","country":"US","line1":"1 Elm St","line2":"","postal_code":"89501","state":""},"currency":"USD","customer":{"email":"ann6@example.com","id":"c6","name":"Ann Lee"},"lines":[{"name":"lamp","quantity":1,"sku":"u-lamp","unit_price":700000}],"order_id":"u-6","payment_method":"pm_card_visa","placed_at":"2026-01-15T08:30:00Z","total":700000}','normal',999999437.484,NULL);
INSERT INTO "items" VALUES(9,'default','orders','u-10','1','completed',NULL,7,0,16,0,NULL,NULL,NULL,'shipped',NULL,'0b7bac7a403bcea160e33461c154fff1',999999432.443,999999453.821,'6f429051050daf97841f5f934d0dd13cb1d649c72e11ef780e229beec87532ec','{"address":{"city":"Reno","country":"US","line1":"1 Elm St","line2":"","postal_code":"89501","state":""},"currency":"USD","customer":{"email":"ann10@example.com","id":"c10","name":"Ann Lee"},"lines":[{"name":"lamp","quantity":1,"sku":"u-lamp","unit_price":1999}],"order_id":"u-10","payment_method":"pm_card_visa","placed_at":"2026-01-15T08:30:00Z","total":1999}','normal',999999442.484,NULL);
INSERT INTO "items" VALUES(10,'default','orders','u-7','1','dead_lettered',NULL,6,0,13,0,NULL,NULL,NULL,NULL,'{"agent":"book_shipment","error_type":"TransientError","error":"swift book: out of service (503)","cancelled":false}','53a767de40ba45ec0d07790bea830552',999999432.443,999999442.641,'ab079bb9962757ea8a73251702d07cbc86570d9a7b2067bf7771cbc7cee660fe','{"address":{"city":"Reno","country":"US","line1":"1 Elm St","line2":"","postal_code":"89501","state":""},"currency":"USD","customer":{"email":"ann7@example.com","id":"c7","name":"Ann Lee"},"lines":[{"name":"lamp","quantity":1,"sku":"u-lamp","unit_price":1999}],"order_id":"u-7","payment_method":"pm_card_visa","placed_at":"2026-01-15T08:30:00Z","total":1999}','normal',999999439.484,NULL);
INSERT INTO "items" VALUES(11,'default','orders','u-8','1','failed',NULL,6,0,14,0,NULL,NULL,NULL,'discarded','{"agent":"book_shipment","error_type":"TransientError","error":"swift book: out of service (503)","cancelled":false}','2a9377f766d0e72e940df95c2ca44e09',999999432.443,999999442.641,'3e6c0b7de08012d1d25a7df819da2e89a89e2de26e1d1c0c62174f3064ad8913','{"address":{"city":"Reno","country":"US","line1":"1 Elm St","line2":"","postal_code":"89501","state":""},"currency":"USD","customer":{"email":"ann8@example.com","id":"c8","name":"Ann Lee"},"lines":[{"name":"lamp","quantity":1,"sku":"u-lamp","unit_price":1999}],"order_id":"u-8","payment_method":"pm_card_visa","placed_at":"2026-01-15T08:30:00Z","total":1999}','normal',999999440.484,NULL);
INSERT INTO "items" VALUES(12,'default','orders','u-9','1','dead_lettered',NULL,6,0,14,0,NULL,NULL,NULL,NULL,'{"agent":"book_shipment","error_type":"TransientError","error":"swift book: out of service (503)","cancelled":false}','b9b98ac96372957c6a66b461f0326235',999999432.443,999999442.641,'b416cebbf76c1b714a6fe1bfcc600bc690a889e4328ba129f03e2c0a5768800f','{"address":{"city":"Reno","country":"US","line1":"2 Oak St","line2":"","postal_code":"89501","state":""},"currency":"USD","customer":{"email":"ann9@example.com","id":"c9","name":"Ann Lee"},"lines":[{"name":"lamp","quantity":1,"sku":"u-lamp","unit_price":1999}],"order_id":"u-9","payment_method":"pm_card_visa","placed_at":"2026-01-15T08:30:00Z","total":1999}','normal',999999441.484,NULL);
INSERT INTO "items" VALUES(13,'default','orders','u-11','1','compensating',NULL,6,0,14,0,NULL,NULL,NULL,NULL,'{"agent":"book_shipment","error_type":"NoCarrier","error":"no carrier takes the parcel: swift refused the parcel: weight: 40000 g is over the limit of 5000 g; bulky refused the parcel: weight: 40000 g is over the limit of 30000 g","cancelled":false}','cf718c6b8c9cfe66d539b27310ab413d',999999442.725,NULL,'d0eb5a8cd9743e489728089dad8d3c2dde84a217669a0cc2a9b1cd8c8fbf4545','{"address":{"city":"Reno","country":"US","line1":"1 Elm St","line2":"","postal_code":"89501","state":""},"currency":"USD","customer":{"email":"ann11@example.com","id":"c11","name":"Ann Lee"},"lines":[{"name":"anvil","quantity":1,"sku":"u-anvil","unit_price":1999}],"order_id":"u-11","payment_method":"pm_card_visa","placed_at":"2026-01-15T08:30:00Z","total":1999}','normal',999999443.484,NULL);
INSERT INTO "items" VALUES(14,'default','orders','u-12','1','compensating',NULL,2,0,7,0,NULL,999999454.242,NULL,NULL,'{"agent":"book_shipment","error_type":"NoCarrier","error":"no carrier takes the parcel: swift refused the parcel: weight: 40000 g is over the limit of 5000 g; bulky refused the parcel: weight: 40000 g is over the limit of 30000 g","cancelled":false}','facaa361685237dca1bd8e7e04c3626c',999999453.999,NULL,'14e6962dd11c04b618808ee31a61e93f9f90dd5c249da7614497e5aa51f6fa35','{"address":{"city":"Reno","country":"US","line1":"1 Elm St","line2":"","postal_code":"89501","state":""},"currency":"USD","customer":{"email":"ann12@example.com","id":"c12","name":"Ann Lee"},"lines":[{"name":"anvil","quantity":1,"sku":"u-anvil","unit_price":1100000}],"order_id":"u-12","payment_method":"pm_card_visa","placed_at":"2026-01-15T08:30:00Z","total":1100000}','normal',999999453.998,NULL);
INSERT INTO "items" VALUES(15,'default','orders','u-19','1','completed',NULL,2,0,6,0,NULL,NULL,'{"agent":"assess_risk","approved":true,"by":"Ann","reason":"known customer"}','shipped',NULL,'4cb04c7e7ebde61dabf348845668a48a',999999453.999,999999454.55,'0fa449fbc9216e2f8e6045b20363532692cd9eea7add8a5c8e11d46bf898d8f9','{"address":{"city":"Reno","country":"US","line1":"1 Elm St","line2":"","postal_code":"89501","state":""},"currency":"USD","customer":{"email":"ann19@example.com","id":"c19","name":"Ann Lee"},"lines":[{"name":"lamp","quantity":20,"sku":"u-lamp","unit_price":55000}],"order_id":"u-19","payment_method":"pm_card_visa","placed_at":"2026-01-15T08:30:00Z","total":1100000}','normal',999999454.998,NULL);
INSERT INTO "items" VALUES(16,'default','orders','u-13','1','processing','host-14035-06062121768a',2,0,4,0,NULL,NULL,NULL,NULL,NULL,'df27d1f45d4313941fa1e3e3896c49c3',999999463.128,NULL,'39852c974fd3e1719d3ce8dc4c3b51f91293042598e815ab272d71b7f9870ef2','{"address":{"city":"Reno","country":"US","line1":"1 Elm St","line2":"","postal_code":"89501","state":""},"currency":"USD","customer":{"email":"ann13@example.com","id":"c13","name":"Ann Lee"},"lines":[{"name":"lamp","quantity":1,"sku":"u-lamp","unit_price":1999}],"order_id":"u-13","payment_method":"pm_card_visa","placed_at":"2026-01-15T08:30:00Z","total":1999}','normal',999999463.123,NULL);
INSERT INTO "items" VALUES(17,'default','orders','u-14','1','compensating','host-14383-c8637c40086f',2,0,5,0,NULL,NULL,NULL,NULL,'{"agent":"book_shipment","error_type":"NoCarrier","error":"no carrier takes the parcel: swift refused the parcel: weight: 40000 g is over the limit of 5000 g; bulky refused the parcel: weight: 40000 g is over the limit of 30000 g","cancelled":false}','23e3edd66a17fe3b088c8bf27185ad97',999999470.311,NULL,'4973ee86212b57b67310f39a0ef8f8dfab34e7cb376e26a9817823509b9d58a6','{"address":{"city":"Reno","country":"US","line1":"1 Elm St","line2":"","postal_code":"89501","state":""},"currency":"USD","customer":{"email":"ann14@example.com","id":"c14","name":"Ann Lee"},"lines":[{"name":"anvil","quantity":1,"sku":"u-anvil","unit_price":1999}],"order_id":"u-14","payment_method":"pm_card_visa","placed_at":"2026-01-15T08:30:00Z","total":1999}','normal',999999470.308,NULL);
INSERT INTO "items" VALUES(18,'default','orders','u-15','1','processing','host-14590-b16211591fdb',1,0,2,0,NULL,NULL,NULL,NULL,NULL,'7d398ff8fa7395e5b8827f19f061dc70',999999477.326,NULL,'bfbc080da01118466019335d5bfc6b98787947f2fa835c03be57d7280dd9cad6','{"address":{"city":"Reno","country":"US","line1":"1 Elm St","line2":"","postal_code":"89501","state":""},"currency":"USD","customer":{"email":"ann15@example.com","id":"c15","name":"Ann Lee"},"lines":[{"name":"lamp","quantity":1,"sku":"u-lamp","unit_price":1999}],"order_id":"u-15","payment_method":"pm_card_visa","placed_at":"2026-01-15T08:30:00Z","total":1999}','normal',999999477.323,NULL);
INSERT INTO "items" VALUES(19,'default','orders','u-16','1','completed',NULL,2,0,5,0,NULL,NULL,NULL,'shipped',NULL,'155b541b9b0cab9da07fbcfe65c47e72',999999483.203,999999484.09,'f93b455125f5ac127599fa4e84bd44e347e15b5ae27c135fa7155973a1bc334d','{"address":{"city":"Reno","country":"US","line1":"1 Elm St","line2":"","postal_code":"89501","state":""},"currency":"USD","customer":{"email":"ann16@example.com","id":"c16","name":"Ann Lee"},"lines":[{"name":"lamp","quantity":1,"sku":"u-lamp","unit_price":1999}],"order_id":"u-16","payment_method":"pm_card_visa","placed_at":"2026-01-15T08:30:00Z","total":1999}','normal',999999483.202,NULL);
INSERT INTO "items" VALUES(20,'default','orders','u-17','1','completed',NULL,1,0,3,0,NULL,NULL,NULL,'shipped',NULL,'7194fec4cf8ea80348fb12ea90f1d255',999999490.39,999999491.1,'5215eb0d04e189ee3a4abcab2c41d0140ab5f14730dc97f88b4ac865fa4f0d20','{"address":{"city":"Reno","country":"US","line1":"1 Elm St","line2":"","postal_code":"89501","state":""},"currency":"USD","customer":{"email":"ann17@example.com","id":"c17","name":"Ann Lee"},"lines":[{"name":"lamp","quantity":1,"sku":"u-lamp","unit_price":1999}],"order_id":"u-17","payment_method":"pm_card_visa","placed_at":"2026-01-15T08:30:00Z","total":1999}','normal',999999490.389,NULL);
INSERT INTO "items" VALUES(21,'default','orders','u-18','1','dead_lettered',NULL,10,5,16,0,NULL,NULL,NULL,NULL,NULL,'bd414664ff01b0d91897e43c0216a7da',999999496.269,999999537.689,'36572635d889a671e633ab39c60511ed9288109a07ba6b38ce5a11b53e384a57','{"address":{"city":"Reno","country":"US","line1":"1 Elm St","line2":"","postal_code":"89501","state":""},"currency":"USD","customer":{"email":"ann18@example.com","id":"c18","name":"Ann Lee"},"lines":[{"name":"lamp","quantity":1,"sku":"u-lamp","unit_price":1999}],"order_id":"u-18","payment_method":"pm_card_visa","placed_at":"2026-01-15T08:30:00Z","total":1999}','normal',999999496.268,NULL);
INSERT INTO "items" VALUES(22,'default','orders','u-27','1','processing','host-16222-f2f5624c02cd',4,1,7,0,NULL,NULL,NULL,NULL,NULL,'31fa3e5632cdba68ab47a02fff86310a',999999546.2,NULL,'56bd15e6eb6de5cbe9230b9ffb332944ca6edcb951c716437677495db4ce1342','{"address":{"city":"Reno","country":"US","line1":"1 Elm St","line2":"","postal_code":"89501","state":""},"currency":"USD","customer":{"email":"ann27@example.com","id":"c27","name":"Ann Lee"},"lines":[{"name":"lamp","quantity":1,"sku":"u-lamp","unit_price":1999}],"order_id":"u-27","payment_method":"pm_card_visa","placed_at":"2026-01-15T08:30:00Z","total":1999}','normal',999999546.194,NULL);
INSERT INTO "items" VALUES(23,'default','turns','a#000001','1','completed',NULL,1,0,3,0,NULL,NULL,NULL,'answered',NULL,'d397153cd7646607277ac15dc7be2940',999999561.446,999999575.992,'0614f3c6d3d391107f4608540b9b007e13ad7032e4643d4feb1221305ce87fbd','{"conversation":"a","number":1,"user":"c0","text":"I want to return the lamp from order u-0"}','normal',999999561.444,NULL);
INSERT INTO "items" VALUES(24,'default','turns','a#000002','1','completed',NULL,1,0,3,0,NULL,NULL,NULL,'answered',NULL,'78ad38e666a924c6946d4e8383c1332c',999999576.061,999999576.472,'0f983638d92ca2cd0aeb735436d0f704af8623505815ea57f59ce6026b4731be','{"conversation":"a","number":2,"user":"c0","text":"yes"}','normal',999999576.06,NULL);
INSERT INTO "items" VALUES(25,'default','changes','u-0:after-sales','1','completed',NULL,1,0,3,0,NULL,NULL,NULL,'applied',NULL,'7d02160970ad987dbfd5d1fe562f2a77',999999576.264,999999576.443,'7620a451a90e406704a76d51c01eb3b5a6900b29ef53a0f94dcce340f4c7735e','{"by":"c0","turn":"a#000002","request":{"kind":"return","order":"u-0","pieces":["u-lamp"],"method":"pm_card_visa"},"number":1}','normal',999999576.261,NULL);
INSERT INTO "items" VALUES(26,'default','turns','c#000001','1','completed',NULL,1,0,3,0,NULL,NULL,NULL,'answered',NULL,'f055f2ef96e0c0a916e8a358a93af611',999999576.595,999999576.93,'23d24dc36db12a2ec1bc4d7b9abd566c8e1012542bb8802145ec08cab4895882','{"conversation":"c","number":1,"user":"c19","text":"I want to return everything of order u-19"}','normal',999999577.06,NULL);
INSERT INTO "items" VALUES(27,'default','turns','c#000002','1','completed',NULL,1,0,3,0,NULL,NULL,NULL,'answered',NULL,'9c2c2b37b76bf06b62330811df60ba17',999999576.974,999999577.559,'80dfd9f8376dcad4784fb828bcf65a9ebe3b58abeac109aa99ba53339b416085','{"conversation":"c","number":2,"user":"c19","text":"yes"}','normal',999999578.06,NULL);
INSERT INTO "items" VALUES(28,'default','changes','u-19:after-sales','1','waiting',NULL,1,0,3,0,NULL,999999577.476,NULL,NULL,NULL,'1b7bce920b154b495a5164128683a61e',999999577.133,NULL,'5db64a6a7ce2df7ccac3aa690439098abc243ec49145b8911d0fd2207ff5a66b','{"by":"c19","turn":"c#000002","request":{"kind":"return","order":"u-19","pieces":["u-lamp","u-lamp","u-lamp","u-lamp","u-lamp","u-lamp","u-lamp","u-lamp","u-lamp","u-lamp","u-lamp","u-lamp","u-lamp","u-lamp","u-lamp","u-lamp","u-lamp","u-lamp","u-lamp","u-lamp"],"method":"pm_card_visa"},"number":1}','normal',999999577.261,NULL);
INSERT INTO "items" VALUES(29,'default','turns','d#000001','1','completed',NULL,1,0,3,0,NULL,NULL,NULL,'answered',NULL,'9aebf4c4f039df4ed134888150947c87',999999577.931,999999578.105,'9d8645227e5199476b0b4c50f839f69b5b3be6274d96cd1cab5966b01733a30f','{"conversation":"d","number":1,"user":"c0","text":"where is my order"}','normal',999999579.06,NULL);
INSERT INTO "items" VALUES(30,'default','turns','d#000002','1','completed',NULL,1,0,3,0,NULL,NULL,NULL,'handed over',NULL,'f442a738d8d63065cf268641b29dafe0',999999578.108,999999578.211,'4d0614de724d6bfe87b8d786bec89af9bb6e5eeded09ab3dc88855fabd1349ee','{"conversation":"d","number":2,"user":"c0","text":"I want to talk to a person"}','normal',999999580.06,NULL);
INSERT INTO "items" VALUES(31,'default','handovers','d#000002','1','waiting',NULL,1,0,3,0,NULL,999999578.204,NULL,NULL,NULL,'4f92481228d0add0bf1aad944096013b',999999578.188,NULL,'8b8795b1bbdf86b3cb88199db67990b383b8ec18da6167a3c3bafe771ded25d8','{"conversation":"d","turn":"d#000002","user":"c0","reason":"asked for","summary":"2 turns, about order_status","task":{"name":"order_status","order":"","pieces":[],"new":[],"method":"","address":null,"asked":"order"},"transcript":[{"said":"where is my order","answered":"Which order is it? Please give me its number."},{"said":"I want to talk to a person","answered":""}]}','normal',999999578.188,NULL);
INSERT INTO "items" VALUES(32,'default','turns','d#000003','1','completed',NULL,1,0,3,0,NULL,NULL,NULL,'answered',NULL,'71a03f514da84271a831efd342b4048d',999999578.213,999999578.316,'c04188dbdcbe87d39afbe81f41506b58c8e4f7af5f2069657cb2f25a105e8b69','{"conversation":"d","number":3,"user":"c0","text":"hello?"}','normal',999999581.06,NULL);
INSERT INTO "items" VALUES(33,'default','turns','e#000001','1','completed',NULL,1,0,3,0,NULL,NULL,NULL,'handed over',NULL,'dae29734885c094f4daeb29b93e3dd09',999999578.38,999999578.471,'53b294433594aa546a526fa64e32f5b24d11c104bc85b9197fdcc1dd15e70888','{"conversation":"e","number":1,"user":"c2","text":"I want to talk to a person"}','normal',999999582.06,NULL);
INSERT INTO "items" VALUES(34,'default','handovers','e#000001','1','completed',NULL,2,0,6,0,NULL,NULL,'{"agent":"await_person","approved":true,"by":"Ann","reason":"your lamp is on its way"}','closed',NULL,'5e17d53d97cadf56ae4feac8bdcab1a1',999999578.447,999999579.045,'fee27d1236b55101c37bc07f3884e14e9b48480d9c0e0add1774756ce8f0eff5','{"conversation":"e","turn":"e#000001","user":"c2","reason":"asked for","summary":"1 turns, about nothing in particular","task":null,"transcript":[{"said":"I want to talk to a person","answered":""}]}','normal',999999579.188,NULL);
INSERT INTO "items" VALUES(35,'default','turns','i#000001','1','completed',NULL,1,0,3,0,NULL,NULL,NULL,'handed over',NULL,'3f1e1563f7946080756ba1835082aa69',999999578.508,999999578.603,'7330a29a5d05b482ade6271f966f7c034d51f10f4821fcf0301c491352a0be85','{"conversation":"i","number":1,"user":"c3","text":"I want to talk to a person"}','normal',999999583.06,NULL);
INSERT INTO "items" VALUES(36,'default','handovers','i#000001','1','pending',NULL,1,0,4,0,NULL,NULL,'{"agent":"await_person","approved":true,"by":"Ann","reason":"called back"}',NULL,NULL,'ace169db5dc19421707caeba66956682',999999578.568,NULL,'13e0d11b4c6db8becaf37607793e3e865b7c49e1740630c3c4809530b442f47e','{"conversation":"i","turn":"i#000001","user":"c3","reason":"asked for","summary":"1 turns, about nothing in particular","task":null,"transcript":[{"said":"I want to talk to a person","answered":""}]}','normal',999999580.188,NULL);
INSERT INTO "items" VALUES(37,'default','orders','u-20','1','pending',NULL,0,0,1,0,NULL,NULL,NULL,NULL,NULL,'ed5ab457e4bed9da4b38891624650e0c',999999579.386,NULL,'e56cc9bad579ec45f421765c06f61c8f154b774da0db52e9d89839bedb3c1370','{"address":{"city":"Reno","country":"US","line1":"1 Elm St","line2":"","postal_code":"89501","state":""},"currency":"USD","customer":{"email":"ann20@example.com","id":"c20","name":"Ann Lee"},"lines":[{"name":"lamp","quantity":1,"sku":"u-lamp","unit_price":1999}],"order_id":"u-20","payment_method":"pm_card_visa","placed_at":"2026-01-15T08:30:00Z","total":1999}','normal',999999579.378,NULL);
INSERT INTO "items" VALUES(38,'default','orders','u-21','1','pending',NULL,0,0,2,1,NULL,NULL,NULL,NULL,NULL,'1d92fb39fcc718f75859ce2d07567ccc',999999579.386,NULL,'4d129a898cfc22c851d6647cca805cb2ed6a60e57d28454b3779799a9ac295ce','{"address":{"city":"Reno","country":"US","line1":"1 Elm St","line2":"","postal_code":"89501","state":""},"currency":"USD","customer":{"email":"ann21@example.com","id":"c21","name":"Ann Lee"},"lines":[{"name":"lamp","quantity":1,"sku":"u-lamp","unit_price":1999}],"order_id":"u-21","payment_method":"pm_card_visa","placed_at":"2026-01-15T08:30:00Z","total":1999}','normal',999999580.378,NULL);
INSERT INTO "items" VALUES(39,'default','orders','u-22','1','pending',NULL,0,0,3,1,NULL,NULL,NULL,NULL,NULL,'6960185f7667dbeb05ce59710fafb954',999999579.386,NULL,'8adaef32820ae5d5ab29940c96772c08762d4ecec72dc02262b8114bc04a559a','{"address":{"city":"Reno","country":"US","line1":"1 Elm St","line2":"","postal_code":"89501","state":""},"currency":"USD","customer":{"email":"ann22@example.com","id":"c22","name":"Ann Lee"},"lines":[{"name":"lamp","quantity":1,"sku":"u-lamp","unit_price":1999}],"order_id":"u-22","payment_method":"pm_card_visa","placed_at":"2026-01-15T08:30:00Z","total":1999}','normal',999996125.188,NULL);
INSERT INTO "items" VALUES(40,'default','orders','u-23','1','pending',NULL,0,0,2,1,NULL,NULL,NULL,NULL,NULL,'b658ded38dfe8709cf1ce5161be4d0c0',999999579.386,NULL,'f79cf679f5ae1934dc9d8034b00bd47613c593ce3bdfd7778e9008b9cfec7dca','{"address":{"city":"Reno","country":"US","line1":"1 Elm St","line2":"","postal_code":"89501","state":""},"currency":"USD","customer":{"email":"ann23@example.com","id":"c23","name":"Ann Lee"},"lines":[{"name":"lamp","quantity":1,"sku":"u-lamp","unit_price":1999}],"order_id":"u-23","payment_method":"pm_card_visa","placed_at":"2026-01-15T08:30:00Z","total":1999}','normal',999999582.378,NULL);
INSERT INTO "items" VALUES(41,'default','orders','u-24','1','pending',NULL,0,0,2,1,NULL,NULL,NULL,NULL,NULL,'79025aa4bc5c6772dc5d911d7747095d',999999579.386,NULL,'0ac6cf465d913f2f78fe6f9bb5132070e43cb084081e86d7e55acd370c4e028e','{"address":{"city":"Reno","country":"US","line1":"1 Elm St","line2":"","postal_code":"89501","state":""},"currency":"USD","customer":{"email":"ann24@example.com","id":"c24","name":"Ann Lee"},"lines":[{"name":"lamp","quantity":1,"sku":"u-lamp","unit_price":1999}],"order_id":"u-24","payment_method":"pm_card_visa","placed_at":"2026-01-15T08:30:00Z","total":1999}','normal',999999583.378,NULL);
INSERT INTO "items" VALUES(42,'default','turns','f#000001','1','completed',NULL,1,0,3,0,NULL,NULL,NULL,'answered',NULL,'cf055874250465a10537237c95ebb858',999999615.167,999999628.315,'6c5caf7e3ee2ff61d99c4609c0fcf2ab140eafd9472815713ff942539c85a28a','{"conversation":"f","number":1,"user":"c24","text":"cancel order u-24"}','normal',999999615.164,NULL);
INSERT INTO "items" VALUES(43,'default','turns','f#000002','1','processing','host-16845-afadb63fceb4',1,0,2,0,NULL,NULL,NULL,NULL,NULL,'b90c1f077ca67530a07e35cc43f79c02',999999628.318,NULL,'e996e0a43aa1e7d54f2a377d44bbf1cc4b387c21081ec33089f314d69ae81799','{"conversation":"f","number":2,"user":"c24","text":"yes"}','normal',999999628.317,NULL);
INSERT INTO "items" VALUES(44,'default','changes','u-24:cancel','1','completed',NULL,1,0,3,0,NULL,NULL,NULL,'applied',NULL,'f0508ad476e41c343a3f6cb2ef8976e9',999999628.339,999999628.361,'acc34f4a00a3960a9184a3d86065c1c4e9669b71a416bd24d7b71ae423bad09d','{"by":"c24","turn":"f#000002","request":{"kind":"cancel","order":"u-24","reason":"no longer needed"},"number":1}','normal',999999628.338,NULL);
INSERT INTO "items" VALUES(45,'default','turns','g#000001','1','completed',NULL,1,0,3,0,NULL,NULL,NULL,'answered',NULL,'beff200a66bd069efb3a6ae09ef7238b',999999665.345,999999675.857,'5de9e9f468447218359d1bf6247e908a07dfef502a16101ef232920877642daf','{"conversation":"g","number":1,"user":"c22","text":"cancel order u-22"}','normal',999999665.334,NULL);
INSERT INTO "items" VALUES(46,'default','turns','g#000002','1','dead_lettered',NULL,1,0,3,0,NULL,NULL,NULL,NULL,'{"agent":"learn_outcome","error_type":"RuntimeError","error":"the change has no row","cancelled":false}','43ceaa996cad5dff4de884809a8ee8ba',999999675.859,999999675.963,'530d70d6126bae860a491f3bb4050a76f4ca8dcfcddfaa78443501560b25ffdf','{"conversation":"g","number":2,"user":"c22","text":"yes"}','normal',999999675.859,NULL);
INSERT INTO "items" VALUES(47,'default','changes','u-22:cancel','1','completed',NULL,1,0,3,0,NULL,NULL,NULL,'applied',NULL,'b9bb183bb7303eb679effec43844c4c4',999999675.913,999999675.951,'cd243f9f7cb817052b7c3971c316d513fb5fd8c6503529a0fe69bcce4987efe9','{"by":"c22","turn":"g#000002","request":{"kind":"cancel","order":"u-22","reason":"no longer needed"},"number":1}','normal',999999675.912,NULL);
INSERT INTO "items" VALUES(48,'default','turns','h#000001','1','completed',NULL,1,0,3,0,NULL,NULL,NULL,'answered',NULL,'739b0f2b462a71f0156e7995928bc91e',999999708.019,999999725.102,'896179a709199d11d651b6ef93a0d49a196ea195ca38b9d3f75c1298d7afe738','{"conversation":"h","number":1,"user":"c23","text":"cancel order u-23"}','normal',999999708.016,NULL);
INSERT INTO "items" VALUES(49,'default','turns','h#000002','1','processing','host-18471-3a9a8e1bf1ae',1,0,2,0,NULL,NULL,NULL,NULL,NULL,'c6bb36ec90b5b2418e850edad0ecd3ec',999999725.112,NULL,'25f7039bcc83288edb6817e8293d8240ea38ed5c3fe57c9085ac70de3541cf17','{"conversation":"h","number":2,"user":"c23","text":"yes"}','normal',999999725.112,NULL);
INSERT INTO "items" VALUES(50,'default','changes','u-23:cancel','1','completed',NULL,1,0,3,0,NULL,NULL,NULL,'applied',NULL,'d4f691de435831ded69c5f5588e5d6c0',999999725.329,999999725.351,'5ff9464e13b9af9dc6c3365b0e09880cdcbf9175d653704d493f9ee175d890f9','{"by":"c23","turn":"h#000002","request":{"kind":"cancel","order":"u-23","reason":"no longer needed"},"number":1}','normal',999999725.328,NULL);
INSERT INTO "items" VALUES(51,'default','changes','u-10:cancel','1','failed',NULL,1,0,4,0,NULL,NULL,NULL,'refused','{"agent":"apply_change","error_type":"Refused","error":"refused, not-pending: u-10","cancelled":false}','91f0a9906af937c658ff9c3591ca9372',999999725.76,999999726.026,'43f843f9f202797a7cd442b2040a6a591be71ea94e27ef108865c538161183ed','{"by":"c10","turn":"z:10","request":{"kind":"cancel","order":"u-10","reason":"no longer needed"},"number":1}','normal',999999726.328,NULL);
INSERT INTO "items" VALUES(52,'default','changes','u-20:cancel','1','pending',NULL,0,0,1,0,NULL,NULL,NULL,NULL,NULL,'6f4d012c6439370f464d9fcce2f353ad',999999726.036,NULL,'4385e4f37e07585422b646c4722391628c573ca78cab945c75ebf41f5d615dad','{"by":"c20","turn":"z:20","request":{"kind":"cancel","order":"u-20","reason":"ordered by mistake"},"number":1}','normal',999999727.328,NULL);
INSERT INTO "items" VALUES(53,'default','orders','u-25','1','pending',NULL,0,0,1,0,NULL,NULL,NULL,NULL,NULL,'e14dd22dc4d56f4ea944cdd16b98a8aa',999999726.191,NULL,'5e47b5e7bea4903e95e88307de1e5786770f4df06be2dc17046a0e16c913b0ce','{"address":{"city":"Reno","country":"US","line1":"1 Elm St","line2":"","postal_code":"89501","state":""},"currency":"USD","customer":{"email":"ann25@example.com","id":"c25","name":"Ann Lee"},"lines":[{"name":"lamp","quantity":1,"sku":"u-lamp","unit_price":1999}],"order_id":"u-25","payment_method":"pm_card_visa","placed_at":"2026-01-15T08:30:00Z","total":1999}','urgent',999996126.188,NULL);
INSERT INTO "items" VALUES(54,'default','turns','q#000001','1','pending',NULL,0,0,1,0,NULL,NULL,NULL,NULL,NULL,'47ed920241359a24e28810e038722c34',999999727.657,NULL,'64f2ac5feba9b679c286f09b66be44712229e5f08bcbece937b8c116d88fb242','{"conversation":"q","number":1,"user":"c0","text":"hello"}','normal',999999727.655,NULL);
INSERT INTO "items" VALUES(55,'default','turns','q#000002','1','pending',NULL,0,0,1,0,NULL,NULL,NULL,NULL,NULL,'6e664c85fcc505ed79494b973a984869',999999727.657,NULL,'7c06910f5aacb446c7de59b0e474ca1628dd637959d16e2beb6ef6b57fdcd0de','{"conversation":"q","number":2,"user":"c0","text":"thank you"}','normal',999999728.655,NULL);
INSERT INTO "items" VALUES(56,'default','partitions','sales/sales/sales-0@ee8aacd4db59ccbf','1','completed',NULL,1,0,3,0,NULL,NULL,NULL,'clean',NULL,'02fcf24262de0edd1533a1a7fdbc879f',999999728.203,999999745.828,'76c9f1c2c8d7aae3dc54072eb3e7ffb2adae29712bbeeb2b14b70b617e2269f9','{"study":"sales","source":"sales","name":"sales-0","location":"sales-0.csv","validator":"14035-1795899912945473876","contract":{"name":"sales","columns":{"at":{"type":"time","unit":"","scale":1.0,"required":true,"low":null,"high":null,"one_of":[],"pattern":null,"longest":1000,"zone":"UTC","outliers":null,"bad":"discard-row","known_before":false},"shop":{"type":"text","unit":"","scale":1.0,"required":true,"low":null,"high":null,"one_of":["a","b"],"pattern":null,"longest":1000,"zone":"UTC","outliers":null,"bad":"discard-row","known_before":true},"price":{"type":"number","unit":"","scale":1.0,"required":true,"low":null,"high":null,"one_of":[],"pattern":null,"longest":1000,"zone":"UTC","outliers":null,"bad":"discard-row","known_before":true},"sold":{"type":"number","unit":"pieces","scale":1.0,"required":false,"low":null,"high":null,"one_of":[],"pattern":null,"longest":1000,"zone":"UTC","outliers":null,"bad":"discard-row","known_before":false}},"time":"at","key":["at","shop"],"unknown":"evolve","relations":[],"gaps":null,"late_hours":0.0,"follows_pages":false},"corrections":""}','normal',999999728.202,NULL);
INSERT INTO "items" VALUES(57,'default','partitions','sales/sales/sales-1@a5ed98ab825c16d2','1','completed',NULL,1,0,3,0,NULL,NULL,NULL,'clean',NULL,'0f381a764d99a462d766f1996bec9463',999999728.203,999999745.828,'4b2438c4befa006d610304495e9e0a3bb7261abcd60b0ab1c0bf729a02354cf0','{"study":"sales","source":"sales","name":"sales-1","location":"sales-1.csv","validator":"14023-1795899912946369321","contract":{"name":"sales","columns":{"at":{"type":"time","unit":"","scale":1.0,"required":true,"low":null,"high":null,"one_of":[],"pattern":null,"longest":1000,"zone":"UTC","outliers":null,"bad":"discard-row","known_before":false},"shop":{"type":"text","unit":"","scale":1.0,"required":true,"low":null,"high":null,"one_of":["a","b"],"pattern":null,"longest":1000,"zone":"UTC","outliers":null,"bad":"discard-row","known_before":true},"price":{"type":"number","unit":"","scale":1.0,"required":true,"low":null,"high":null,"one_of":[],"pattern":null,"longest":1000,"zone":"UTC","outliers":null,"bad":"discard-row","known_before":true},"sold":{"type":"number","unit":"pieces","scale":1.0,"required":false,"low":null,"high":null,"one_of":[],"pattern":null,"longest":1000,"zone":"UTC","outliers":null,"bad":"discard-row","known_before":false}},"time":"at","key":["at","shop"],"unknown":"evolve","relations":[],"gaps":null,"late_hours":0.0,"follows_pages":false},"corrections":""}','normal',999999729.202,NULL);
INSERT INTO "items" VALUES(58,'default','candidates','sales/baseline@8da2e3e6e1fb3c61','1','completed',NULL,1,0,3,0,NULL,NULL,NULL,'trained',NULL,'124ab463489672e9b4e85d2fa4d29f79',999999745.88,999999767.925,'8da2e3e6e1fb3c615a4b1d4dca2fd6518d1a0fb280d2bb8ce9a5c5d326ec361d','{"study":{"name":"sales","sources":[{"contract":{"name":"sales","columns":{"at":{"type":"time","unit":"","scale":1.0,"required":true,"low":null,"high":null,"one_of":[],"pattern":null,"longest":1000,"zone":"UTC","outliers":null,"bad":"discard-row","known_before":false},"shop":{"type":"text","unit":"","scale":1.0,"required":true,"low":null,"high":null,"one_of":["a","b"],"pattern":null,"longest":1000,"zone":"UTC","outliers":null,"bad":"discard-row","known_before":true},"price":{"type":"number","unit":"","scale":1.0,"required":true,"low":null,"high":null,"one_of":[],"pattern":null,"longest":1000,"zone":"UTC","outliers":null,"bad":"discard-row","known_before":true},"sold":{"type":"number","unit":"pieces","scale":1.0,"required":false,"low":null,"high":null,"one_of":[],"pattern":null,"longest":1000,"zone":"UTC","outliers":null,"bad":"discard-row","known_before":false}},"time":"at","key":["at","shop"],"unknown":"evolve","relations":[],"gaps":null,"late_hours":0.0,"follows_pages":false},"locations":["sales-*.csv"]}],"target":"sold","joins":[],"history":null,"test_share":0.25},"candidate":"baseline","data":"ee4c6843ca7050b36d6e54ece30d38986c91793ced902851c3dcee39fc8154cd","parts":[{"source":"sales","name":"sales-0","file":"clean/sales/ee8aacd4db59ccbf85b17118dcfc596850c9a01b51bbf00349de64ccb98b76ac/part.parquet","rows":384,"sha256":"5412f953cab546e87ac886c75709a7dc6a69bd35bfc10f9459dced319c3a2a2f"},{"source":"sales","name":"sales-1","file":"clean/sales/a5ed98ab825c16d28c7c6111763df9b62e55b6a517513d3db229fb6529b329be/part.parquet","rows":384,"sha256":"7f4c0e8297dc98e70a575a819a78124af647fba38c1f694a9584140745dc5185"}],"seed":7}','normal',999999745.871,NULL);
INSERT INTO "items" VALUES(59,'default','candidates','sales/linear@f265221c037d5d3b','1','completed',NULL,1,0,3,0,NULL,NULL,NULL,'trained',NULL,'cc75e9c2d2d6f28fa5b06ff16101ee71',999999745.88,999999767.925,'f265221c037d5d3b8a834a1525cf42eaa0a330fff9ec2b058956df2109cf4054','{"study":{"name":"sales","sources":[{"contract":{"name":"sales","columns":{"at":{"type":"time","unit":"","scale":1.0,"required":true,"low":null,"high":null,"one_of":[],"pattern":null,"longest":1000,"zone":"UTC","outliers":null,"bad":"discard-row","known_before":false},"shop":{"type":"text","unit":"","scale":1.0,"required":true,"low":null,"high":null,"one_of":["a","b"],"pattern":null,"longest":1000,"zone":"UTC","outliers":null,"bad":"discard-row","known_before":true},"price":{"type":"number","unit":"","scale":1.0,"required":true,"low":null,"high":null,"one_of":[],"pattern":null,"longest":1000,"zone":"UTC","outliers":null,"bad":"discard-row","known_before":true},"sold":{"type":"number","unit":"pieces","scale":1.0,"required":false,"low":null,"high":null,"one_of":[],"pattern":null,"longest":1000,"zone":"UTC","outliers":null,"bad":"discard-row","known_before":false}},"time":"at","key":["at","shop"],"unknown":"evolve","relations":[],"gaps":null,"late_hours":0.0,"follows_pages":false},"locations":["sales-*.csv"]}],"target":"sold","joins":[],"history":null,"test_share":0.25},"candidate":"linear","data":"ee4c6843ca7050b36d6e54ece30d38986c91793ced902851c3dcee39fc8154cd","parts":[{"source":"sales","name":"sales-0","file":"clean/sales/ee8aacd4db59ccbf85b17118dcfc596850c9a01b51bbf00349de64ccb98b76ac/part.parquet","rows":384,"sha256":"5412f953cab546e87ac886c75709a7dc6a69bd35bfc10f9459dced319c3a2a2f"},{"source":"sales","name":"sales-1","file":"clean/sales/a5ed98ab825c16d28c7c6111763df9b62e55b6a517513d3db229fb6529b329be/part.parquet","rows":384,"sha256":"7f4c0e8297dc98e70a575a819a78124af647fba38c1f694a9584140745dc5185"}],"seed":7}','normal',999999746.871,NULL);
INSERT INTO "items" VALUES(60,'default','candidates','sales/trees@11a23e9ef819b022','1','completed',NULL,1,0,3,0,NULL,NULL,NULL,'trained',NULL,'132687c0be4e9445377d642c0bb04dfd',999999745.88,999999767.925,'11a23e9ef819b0227021fb8021fb258803b53de426778ed066f9f732b12f92e3','{"study":{"name":"sales","sources":[{"contract":{"name":"sales","columns":{"at":{"type":"time","unit":"","scale":1.0,"required":true,"low":null,"high":null,"one_of":[],"pattern":null,"longest":1000,"zone":"UTC","outliers":null,"bad":"discard-row","known_before":false},"shop":{"type":"text","unit":"","scale":1.0,"required":true,"low":null,"high":null,"one_of":["a","b"],"pattern":null,"longest":1000,"zone":"UTC","outliers":null,"bad":"discard-row","known_before":true},"price":{"type":"number","unit":"","scale":1.0,"required":true,"low":null,"high":null,"one_of":[],"pattern":null,"longest":1000,"zone":"UTC","outliers":null,"bad":"discard-row","known_before":true},"sold":{"type":"number","unit":"pieces","scale":1.0,"required":false,"low":null,"high":null,"one_of":[],"pattern":null,"longest":1000,"zone":"UTC","outliers":null,"bad":"discard-row","known_before":false}},"time":"at","key":["at","shop"],"unknown":"evolve","relations":[],"gaps":null,"late_hours":0.0,"follows_pages":false},"locations":["sales-*.csv"]}],"target":"sold","joins":[],"history":null,"test_share":0.25},"candidate":"trees","data":"ee4c6843ca7050b36d6e54ece30d38986c91793ced902851c3dcee39fc8154cd","parts":[{"source":"sales","name":"sales-0","file":"clean/sales/ee8aacd4db59ccbf85b17118dcfc596850c9a01b51bbf00349de64ccb98b76ac/part.parquet","rows":384,"sha256":"5412f953cab546e87ac886c75709a7dc6a69bd35bfc10f9459dced319c3a2a2f"},{"source":"sales","name":"sales-1","file":"clean/sales/a5ed98ab825c16d28c7c6111763df9b62e55b6a517513d3db229fb6529b329be/part.parquet","rows":384,"sha256":"7f4c0e8297dc98e70a575a819a78124af647fba38c1f694a9584140745dc5185"}],"seed":7}','normal',999999747.871,NULL);
INSERT INTO "items" VALUES(61,'default','comparisons','sales/comparison@852f6b0fb5c79b08','1','completed',NULL,1,0,3,0,NULL,NULL,NULL,'reported',NULL,'bdb004955c482cc020bc01300f668d80',999999767.96,999999771.873,'852f6b0fb5c79b08f828d736296e75cff104890aef85e05ae7f7dd2a13e64830','{"training":{"study":{"name":"sales","sources":[{"contract":{"name":"sales","columns":{"at":{"type":"time","unit":"","scale":1.0,"required":true,"low":null,"high":null,"one_of":[],"pattern":null,"longest":1000,"zone":"UTC","outliers":null,"bad":"discard-row","known_before":false},"shop":{"type":"text","unit":"","scale":1.0,"required":true,"low":null,"high":null,"one_of":["a","b"],"pattern":null,"longest":1000,"zone":"UTC","outliers":null,"bad":"discard-row","known_before":true},"price":{"type":"number","unit":"","scale":1.0,"required":true,"low":null,"high":null,"one_of":[],"pattern":null,"longest":1000,"zone":"UTC","outliers":null,"bad":"discard-row","known_before":true},"sold":{"type":"number","unit":"pieces","scale":1.0,"required":false,"low":null,"high":null,"one_of":[],"pattern":null,"longest":1000,"zone":"UTC","outliers":null,"bad":"discard-row","known_before":false}},"time":"at","key":["at","shop"],"unknown":"evolve","relations":[],"gaps":null,"late_hours":0.0,"follows_pages":false},"locations":["sales-*.csv"]}],"target":"sold","joins":[],"history":null,"test_share":0.25},"candidate":"baseline","data":"ee4c6843ca7050b36d6e54ece30d38986c91793ced902851c3dcee39fc8154cd","parts":[{"source":"sales","name":"sales-0","file":"clean/sales/ee8aacd4db59ccbf85b17118dcfc596850c9a01b51bbf00349de64ccb98b76ac/part.parquet","rows":384,"sha256":"5412f953cab546e87ac886c75709a7dc6a69bd35bfc10f9459dced319c3a2a2f"},{"source":"sales","name":"sales-1","file":"clean/sales/a5ed98ab825c16d28c7c6111763df9b62e55b6a517513d3db229fb6529b329be/part.parquet","rows":384,"sha256":"7f4c0e8297dc98e70a575a819a78124af647fba38c1f694a9584140745dc5185"}],"seed":7},"candidates":[{"version":"9c176cfb05855864d473918e68648402","candidate":"baseline"},{"version":"019874504a556025679f3fa7bef9ef9a","candidate":"linear"},{"version":"79a29088c841143e5c444ba4f368c935","candidate":"trees"}],"champion":"","sources":[{"source":"sales","partitions":2,"refused":0,"rows":768,"good":768,"quarantined":0,"deduplicated":0,"rules":{},"discarded":{},"gaps":0}]}','normal',999999767.96,NULL);
INSERT INTO "items" VALUES(62,'default','partitions','shops/shops/shops-0@f4ee63cd6446886c','1','completed',NULL,1,0,3,0,NULL,NULL,NULL,'clean',NULL,'28d23db0a9c8d370b5c5395870e1e894',999999795.545,999999809.144,'04fbdf956ac0d58ef81232667c10a10364e1250ad41430873333a799f35fddd4','{"study":"shops","source":"shops","name":"shops-0","location":"shops-0.csv","validator":"14055-1795899912948442423","contract":{"name":"shops","columns":{"at":{"type":"time","unit":"","scale":1.0,"required":true,"low":null,"high":null,"one_of":[],"pattern":null,"longest":1000,"zone":"UTC","outliers":null,"bad":"discard-row","known_before":false},"shop":{"type":"text","unit":"","scale":1.0,"required":true,"low":null,"high":null,"one_of":["a","b"],"pattern":null,"longest":1000,"zone":"UTC","outliers":null,"bad":"discard-row","known_before":true},"price":{"type":"number","unit":"","scale":1.0,"required":true,"low":null,"high":null,"one_of":[],"pattern":null,"longest":1000,"zone":"UTC","outliers":null,"bad":"discard-row","known_before":true},"sold":{"type":"number","unit":"pieces","scale":1.0,"required":false,"low":null,"high":null,"one_of":[],"pattern":null,"longest":1000,"zone":"UTC","outliers":null,"bad":"discard-row","known_before":false}},"time":"at","key":["at","shop"],"unknown":"evolve","relations":[],"gaps":null,"late_hours":0.0,"follows_pages":false},"corrections":""}','normal',999999795.522,NULL);
INSERT INTO "items" VALUES(63,'default','partitions','shops/shops/shops-1@a9f4cf4c4477e95a','1','completed',NULL,1,0,3,0,NULL,NULL,NULL,'clean',NULL,'776955439564cd8c9e88dfb5300007b0',999999795.545,999999809.144,'859829a14dd20e7dfd846f15c9e9edf234f51f7a9e19c64a772c2040c8b534ac','{"study":"shops","source":"shops","name":"shops-1","location":"shops-1.csv","validator":"14028-1795899912952282150","contract":{"name":"shops","columns":{"at":{"type":"time","unit":"","scale":1.0,"required":true,"low":null,"high":null,"one_of":[],"pattern":null,"longest":1000,"zone":"UTC","outliers":null,"bad":"discard-row","known_before":false},"shop":{"type":"text","unit":"","scale":1.0,"required":true,"low":null,"high":null,"one_of":["a","b"],"pattern":null,"longest":1000,"zone":"UTC","outliers":null,"bad":"discard-row","known_before":true},"price":{"type":"number","unit":"","scale":1.0,"required":true,"low":null,"high":null,"one_of":[],"pattern":null,"longest":1000,"zone":"UTC","outliers":null,"bad":"discard-row","known_before":true},"sold":{"type":"number","unit":"pieces","scale":1.0,"required":false,"low":null,"high":null,"one_of":[],"pattern":null,"longest":1000,"zone":"UTC","outliers":null,"bad":"discard-row","known_before":false}},"time":"at","key":["at","shop"],"unknown":"evolve","relations":[],"gaps":null,"late_hours":0.0,"follows_pages":false},"corrections":""}','normal',999999796.522,NULL);
INSERT INTO "items" VALUES(64,'default','candidates','shops/baseline@0363cbf679ffa6d1','1','completed',NULL,1,0,3,0,NULL,NULL,NULL,'trained',NULL,'cfe35ee560d7e76e86d6dcf457db207d',999999809.267,999999821.752,'0363cbf679ffa6d11d7d13f799c34d861f8b03b8eb0b2ff5094a19c88edbcd67','{"study":{"name":"shops","sources":[{"contract":{"name":"shops","columns":{"at":{"type":"time","unit":"","scale":1.0,"required":true,"low":null,"high":null,"one_of":[],"pattern":null,"longest":1000,"zone":"UTC","outliers":null,"bad":"discard-row","known_before":false},"shop":{"type":"text","unit":"","scale":1.0,"required":true,"low":null,"high":null,"one_of":["a","b"],"pattern":null,"longest":1000,"zone":"UTC","outliers":null,"bad":"discard-row","known_before":true},"price":{"type":"number","unit":"","scale":1.0,"required":true,"low":null,"high":null,"one_of":[],"pattern":null,"longest":1000,"zone":"UTC","outliers":null,"bad":"discard-row","known_before":true},"sold":{"type":"number","unit":"pieces","scale":1.0,"required":false,"low":null,"high":null,"one_of":[],"pattern":null,"longest":1000,"zone":"UTC","outliers":null,"bad":"discard-row","known_before":false}},"time":"at","key":["at","shop"],"unknown":"evolve","relations":[],"gaps":null,"late_hours":0.0,"follows_pages":false},"locations":["shops-*.csv"]}],"target":"sold","joins":[],"history":null,"test_share":0.25},"candidate":"baseline","data":"4015089528e5d297b3e0d05574f87dc03ec341f075d71e006da737bcaa5f40fd","parts":[{"source":"shops","name":"shops-0","file":"clean/shops/f4ee63cd6446886cf1ef87c237e68efe5aedfc9975322ec91d2e8d28b00b9ea9/part.parquet","rows":384,"sha256":"c7e0be721e8efe20ac64c1de0218b668aa237aa71300c4da90bd3acab3b04e3f"},{"source":"shops","name":"shops-1","file":"clean/shops/a9f4cf4c4477e95a6c901bdb61b0ba9aabe3135cf665a63014c92be3188aca0a/part.parquet","rows":384,"sha256":"d4beddc5f5e708b503f053f4a9e52ddf7b2c2f9936fb71b17e38e3e0848dd592"}],"seed":7}','normal',999999809.267,NULL);
INSERT INTO "items" VALUES(65,'default','candidates','shops/linear@a3f4d60df5e536d0','1','completed',NULL,1,0,3,0,NULL,NULL,NULL,'trained',NULL,'b6165c352559736b0572c3d7b9141a25',999999809.267,999999821.752,'a3f4d60df5e536d02560257fc1993559653c9a11b4a31536fec885069c8d8ac4','{"study":{"name":"shops","sources":[{"contract":{"name":"shops","columns":{"at":{"type":"time","unit":"","scale":1.0,"required":true,"low":null,"high":null,"one_of":[],"pattern":null,"longest":1000,"zone":"UTC","outliers":null,"bad":"discard-row","known_before":false},"shop":{"type":"text","unit":"","scale":1.0,"required":true,"low":null,"high":null,"one_of":["a","b"],"pattern":null,"longest":1000,"zone":"UTC","outliers":null,"bad":"discard-row","known_before":true},"price":{"type":"number","unit":"","scale":1.0,"required":true,"low":null,"high":null,"one_of":[],"pattern":null,"longest":1000,"zone":"UTC","outliers":null,"bad":"discard-row","known_before":true},"sold":{"type":"number","unit":"pieces","scale":1.0,"required":false,"low":null,"high":null,"one_of":[],"pattern":null,"longest":1000,"zone":"UTC","outliers":null,"bad":"discard-row","known_before":false}},"time":"at","key":["at","shop"],"unknown":"evolve","relations":[],"gaps":null,"late_hours":0.0,"follows_pages":false},"locations":["shops-*.csv"]}],"target":"sold","joins":[],"history":null,"test_share":0.25},"candidate":"linear","data":"4015089528e5d297b3e0d05574f87dc03ec341f075d71e006da737bcaa5f40fd","parts":[{"source":"shops","name":"shops-0","file":"clean/shops/f4ee63cd6446886cf1ef87c237e68efe5aedfc9975322ec91d2e8d28b00b9ea9/part.parquet","rows":384,"sha256":"c7e0be721e8efe20ac64c1de0218b668aa237aa71300c4da90bd3acab3b04e3f"},{"source":"shops","name":"shops-1","file":"clean/shops/a9f4cf4c4477e95a6c901bdb61b0ba9aabe3135cf665a63014c92be3188aca0a/part.parquet","rows":384,"sha256":"d4beddc5f5e708b503f053f4a9e52ddf7b2c2f9936fb71b17e38e3e0848dd592"}],"seed":7}','normal',999999810.267,NULL);
INSERT INTO "items" VALUES(66,'default','candidates','shops/trees@56df471715a00712','1','completed',NULL,1,0,3,0,NULL,NULL,NULL,'trained',NULL,'6761d597c64b16130065f36a90783832',999999809.267,999999821.752,'56df471715a00712b522801f1b92d4070db47df1c6efd9f0062c6e1fe21bbdfc','{"study":{"name":"shops","sources":[{"contract":{"name":"shops","columns":{"at":{"type":"time","unit":"","scale":1.0,"required":true,"low":null,"high":null,"one_of":[],"pattern":null,"longest":1000,"zone":"UTC","outliers":null,"bad":"discard-row","known_before":false},"shop":{"type":"text","unit":"","scale":1.0,"required":true,"low":null,"high":null,"one_of":["a","b"],"pattern":null,"longest":1000,"zone":"UTC","outliers":null,"bad":"discard-row","known_before":true},"price":{"type":"number","unit":"","scale":1.0,"required":true,"low":null,"high":null,"one_of":[],"pattern":null,"longest":1000,"zone":"UTC","outliers":null,"bad":"discard-row","known_before":true},"sold":{"type":"number","unit":"pieces","scale":1.0,"required":false,"low":null,"high":null,"one_of":[],"pattern":null,"longest":1000,"zone":"UTC","outliers":null,"bad":"discard-row","known_before":false}},"time":"at","key":["at","shop"],"unknown":"evolve","relations":[],"gaps":null,"late_hours":0.0,"follows_pages":false},"locations":["shops-*.csv"]}],"target":"sold","joins":[],"history":null,"test_share":0.25},"candidate":"trees","data":"4015089528e5d297b3e0d05574f87dc03ec341f075d71e006da737bcaa5f40fd","parts":[{"source":"shops","name":"shops-0","file":"clean/shops/f4ee63cd6446886cf1ef87c237e68efe5aedfc9975322ec91d2e8d28b00b9ea9/part.parquet","rows":384,"sha256":"c7e0be721e8efe20ac64c1de0218b668aa237aa71300c4da90bd3acab3b04e3f"},{"source":"shops","name":"shops-1","file":"clean/shops/a9f4cf4c4477e95a6c901bdb61b0ba9aabe3135cf665a63014c92be3188aca0a/part.parquet","rows":384,"sha256":"d4beddc5f5e708b503f053f4a9e52ddf7b2c2f9936fb71b17e38e3e0848dd592"}],"seed":7}','normal',999999811.267,NULL);
INSERT INTO "items" VALUES(67,'default','comparisons','shops/comparison@dc09587131da7411','1','processing','host-20586-5ac1ea67e3a6',1,0,2,0,NULL,NULL,NULL,NULL,NULL,'4c47a2b85fe6099b7cf09521dd87d2ac',999999821.759,NULL,'dc09587131da7411bfe4329a369dc819553f7fe01755c4ebdb97586f68a156ee','{"training":{"study":{"name":"shops","sources":[{"contract":{"name":"shops","columns":{"at":{"type":"time","unit":"","scale":1.0,"required":true,"low":null,"high":null,"one_of":[],"pattern":null,"longest":1000,"zone":"UTC","outliers":null,"bad":"discard-row","known_before":false},"shop":{"type":"text","unit":"","scale":1.0,"required":true,"low":null,"high":null,"one_of":["a","b"],"pattern":null,"longest":1000,"zone":"UTC","outliers":null,"bad":"discard-row","known_before":true},"price":{"type":"number","unit":"","scale":1.0,"required":true,"low":null,"high":null,"one_of":[],"pattern":null,"longest":1000,"zone":"UTC","outliers":null,"bad":"discard-row","known_before":true},"sold":{"type":"number","unit":"pieces","scale":1.0,"required":false,"low":null,"high":null,"one_of":[],"pattern":null,"longest":1000,"zone":"UTC","outliers":null,"bad":"discard-row","known_before":false}},"time":"at","key":["at","shop"],"unknown":"evolve","relations":[],"gaps":null,"late_hours":0.0,"follows_pages":false},"locations":["shops-*.csv"]}],"target":"sold","joins":[],"history":null,"test_share":0.25},"candidate":"baseline","data":"4015089528e5d297b3e0d05574f87dc03ec341f075d71e006da737bcaa5f40fd","parts":[{"source":"shops","name":"shops-0","file":"clean/shops/f4ee63cd6446886cf1ef87c237e68efe5aedfc9975322ec91d2e8d28b00b9ea9/part.parquet","rows":384,"sha256":"c7e0be721e8efe20ac64c1de0218b668aa237aa71300c4da90bd3acab3b04e3f"},{"source":"shops","name":"shops-1","file":"clean/shops/a9f4cf4c4477e95a6c901bdb61b0ba9aabe3135cf665a63014c92be3188aca0a/part.parquet","rows":384,"sha256":"d4beddc5f5e708b503f053f4a9e52ddf7b2c2f9936fb71b17e38e3e0848dd592"}],"seed":7},"candidates":[{"version":"a909d81a4b813483ab829473e66c4362","candidate":"baseline"},{"version":"6ad1356d9fc84ce70423a9324abcb9ad","candidate":"linear"},{"version":"84159728fddd17c73e3531c4a4e3736e","candidate":"trees"}],"champion":"","sources":[{"source":"shops","partitions":2,"refused":0,"rows":768,"good":768,"quarantined":0,"deduplicated":0,"rules":{},"discarded":{},"gaps":0}]}','normal',999999821.758,NULL);
INSERT INTO "items" VALUES(68,'default','partitions','stores/stores/stores-0@eae11495f4667b08','1','completed',NULL,1,0,3,0,NULL,NULL,NULL,'clean',NULL,'b540b713877be872fccb3ff0b80a49e7',999999832.259,999999842.092,'1d01bdd9f417a2050c52064208e731da52da64dbbf253af15ddb0df019f5a8d8','{"study":"stores","source":"stores","name":"stores-0","location":"stores-0.csv","validator":"14037-1795899912957942883","contract":{"name":"stores","columns":{"at":{"type":"time","unit":"","scale":1.0,"required":true,"low":null,"high":null,"one_of":[],"pattern":null,"longest":1000,"zone":"UTC","outliers":null,"bad":"discard-row","known_before":false},"shop":{"type":"text","unit":"","scale":1.0,"required":true,"low":null,"high":null,"one_of":["a","b"],"pattern":null,"longest":1000,"zone":"UTC","outliers":null,"bad":"discard-row","known_before":true},"price":{"type":"number","unit":"","scale":1.0,"required":true,"low":null,"high":null,"one_of":[],"pattern":null,"longest":1000,"zone":"UTC","outliers":null,"bad":"discard-row","known_before":true},"sold":{"type":"number","unit":"pieces","scale":1.0,"required":false,"low":null,"high":null,"one_of":[],"pattern":null,"longest":1000,"zone":"UTC","outliers":null,"bad":"discard-row","known_before":false}},"time":"at","key":["at","shop"],"unknown":"evolve","relations":[],"gaps":null,"late_hours":0.0,"follows_pages":false},"corrections":""}','normal',999999832.258,NULL);
INSERT INTO "items" VALUES(69,'default','partitions','stores/stores/stores-1@a8e43d0ec57120ce','1','completed',NULL,1,0,3,0,NULL,NULL,NULL,'clean',NULL,'a5cfd64c866fd126a8e7f14a1b4a6562',999999832.259,999999842.092,'9b5de4d864b25741ce91dfd1b282f4c5b14b4aaa86004f049a768908b2f7f03d','{"study":"stores","source":"stores","name":"stores-1","location":"stores-1.csv","validator":"14011-1795899912958735265","contract":{"name":"stores","columns":{"at":{"type":"time","unit":"","scale":1.0,"required":true,"low":null,"high":null,"one_of":[],"pattern":null,"longest":1000,"zone":"UTC","outliers":null,"bad":"discard-row","known_before":false},"shop":{"type":"text","unit":"","scale":1.0,"required":true,"low":null,"high":null,"one_of":["a","b"],"pattern":null,"longest":1000,"zone":"UTC","outliers":null,"bad":"discard-row","known_before":true},"price":{"type":"number","unit":"","scale":1.0,"required":true,"low":null,"high":null,"one_of":[],"pattern":null,"longest":1000,"zone":"UTC","outliers":null,"bad":"discard-row","known_before":true},"sold":{"type":"number","unit":"pieces","scale":1.0,"required":false,"low":null,"high":null,"one_of":[],"pattern":null,"longest":1000,"zone":"UTC","outliers":null,"bad":"discard-row","known_before":false}},"time":"at","key":["at","shop"],"unknown":"evolve","relations":[],"gaps":null,"late_hours":0.0,"follows_pages":false},"corrections":""}','normal',999999833.258,NULL);
INSERT INTO "items" VALUES(70,'default','candidates','stores/baseline@77e562f252c0db75','1','processing','host-21424-e4770f52ee9e',1,0,2,0,NULL,NULL,NULL,NULL,NULL,'12acba16b34684e07ef8e78010fd8b85',999999842.161,NULL,'77e562f252c0db75ba32542d6db6976400ef5d15a6a173caf8d1bc69623ecb55','{"study":{"name":"stores","sources":[{"contract":{"name":"stores","columns":{"at":{"type":"time","unit":"","scale":1.0,"required":true,"low":null,"high":null,"one_of":[],"pattern":null,"longest":1000,"zone":"UTC","outliers":null,"bad":"discard-row","known_before":false},"shop":{"type":"text","unit":"","scale":1.0,"required":true,"low":null,"high":null,"one_of":["a","b"],"pattern":null,"longest":1000,"zone":"UTC","outliers":null,"bad":"discard-row","known_before":true},"price":{"type":"number","unit":"","scale":1.0,"required":true,"low":null,"high":null,"one_of":[],"pattern":null,"longest":1000,"zone":"UTC","outliers":null,"bad":"discard-row","known_before":true},"sold":{"type":"number","unit":"pieces","scale":1.0,"required":false,"low":null,"high":null,"one_of":[],"pattern":null,"longest":1000,"zone":"UTC","outliers":null,"bad":"discard-row","known_before":false}},"time":"at","key":["at","shop"],"unknown":"evolve","relations":[],"gaps":null,"late_hours":0.0,"follows_pages":false},"locations":["stores-*.csv"]}],"target":"sold","joins":[],"history":null,"test_share":0.25},"candidate":"baseline","data":"d053300c61bd487ad6f2850caabf7ec07b19293c7411aaf86b68068f0c081b61","parts":[{"source":"stores","name":"stores-0","file":"clean/stores/eae11495f4667b0841043feacaadaa19687820bf0431e3d7f10fa0c7e21e603d/part.parquet","rows":384,"sha256":"1a07e1830eb6e1b4745b9a15ecc6679711524eec33f30abbdc58743f94ab9fcd"},{"source":"stores","name":"stores-1","file":"clean/stores/a8e43d0ec57120ce2c06caeafad8b914c35d3ffa76c9f36812abe5a10d6e7534/part.parquet","rows":384,"sha256":"a2fbcbe23a0117af12d9829334c399536fd34e96d390f7e62a3d2d628cc4d7e0"}],"seed":7}','normal',999999842.161,NULL);
INSERT INTO "items" VALUES(71,'default','candidates','stores/linear@d61ab20b752bd065','1','processing','host-21424-e4770f52ee9e',1,0,2,0,NULL,NULL,NULL,NULL,NULL,'d44ffd80c9f0f2dfd2626a6b6e388900',999999842.161,NULL,'d61ab20b752bd065ad0e205787c2d89dd0ff20e69f3479225373a4167d10a957','{"study":{"name":"stores","sources":[{"contract":{"name":"stores","columns":{"at":{"type":"time","unit":"","scale":1.0,"required":true,"low":null,"high":null,"one_of":[],"pattern":null,"longest":1000,"zone":"UTC","outliers":null,"bad":"discard-row","known_before":false},"shop":{"type":"text","unit":"","scale":1.0,"required":true,"low":null,"high":null,"one_of":["a","b"],"pattern":null,"longest":1000,"zone":"UTC","outliers":null,"bad":"discard-row","known_before":true},"price":{"type":"number","unit":"","scale":1.0,"required":true,"low":null,"high":null,"one_of":[],"pattern":null,"longest":1000,"zone":"UTC","outliers":null,"bad":"discard-row","known_before":true},"sold":{"type":"number","unit":"pieces","scale":1.0,"required":false,"low":null,"high":null,"one_of":[],"pattern":null,"longest":1000,"zone":"UTC","outliers":null,"bad":"discard-row","known_before":false}},"time":"at","key":["at","shop"],"unknown":"evolve","relations":[],"gaps":null,"late_hours":0.0,"follows_pages":false},"locations":["stores-*.csv"]}],"target":"sold","joins":[],"history":null,"test_share":0.25},"candidate":"linear","data":"d053300c61bd487ad6f2850caabf7ec07b19293c7411aaf86b68068f0c081b61","parts":[{"source":"stores","name":"stores-0","file":"clean/stores/eae11495f4667b0841043feacaadaa19687820bf0431e3d7f10fa0c7e21e603d/part.parquet","rows":384,"sha256":"1a07e1830eb6e1b4745b9a15ecc6679711524eec33f30abbdc58743f94ab9fcd"},{"source":"stores","name":"stores-1","file":"clean/stores/a8e43d0ec57120ce2c06caeafad8b914c35d3ffa76c9f36812abe5a10d6e7534/part.parquet","rows":384,"sha256":"a2fbcbe23a0117af12d9829334c399536fd34e96d390f7e62a3d2d628cc4d7e0"}],"seed":7}','normal',999999843.161,NULL);
INSERT INTO "items" VALUES(72,'default','candidates','stores/trees@5517c8a13cf7e7aa','1','processing','host-21424-e4770f52ee9e',1,0,2,0,NULL,NULL,NULL,NULL,NULL,'fc350db45e61420fb0108e77c9cb9aa5',999999842.161,NULL,'5517c8a13cf7e7aa734467eacebce398491c3485001c001e7f48823faf003519','{"study":{"name":"stores","sources":[{"contract":{"name":"stores","columns":{"at":{"type":"time","unit":"","scale":1.0,"required":true,"low":null,"high":null,"one_of":[],"pattern":null,"longest":1000,"zone":"UTC","outliers":null,"bad":"discard-row","known_before":false},"shop":{"type":"text","unit":"","scale":1.0,"required":true,"low":null,"high":null,"one_of":["a","b"],"pattern":null,"longest":1000,"zone":"UTC","outliers":null,"bad":"discard-row","known_before":true},"price":{"type":"number","unit":"","scale":1.0,"required":true,"low":null,"high":null,"one_of":[],"pattern":null,"longest":1000,"zone":"UTC","outliers":null,"bad":"discard-row","known_before":true},"sold":{"type":"number","unit":"pieces","scale":1.0,"required":false,"low":null,"high":null,"one_of":[],"pattern":null,"longest":1000,"zone":"UTC","outliers":null,"bad":"discard-row","known_before":false}},"time":"at","key":["at","shop"],"unknown":"evolve","relations":[],"gaps":null,"late_hours":0.0,"follows_pages":false},"locations":["stores-*.csv"]}],"target":"sold","joins":[],"history":null,"test_share":0.25},"candidate":"trees","data":"d053300c61bd487ad6f2850caabf7ec07b19293c7411aaf86b68068f0c081b61","parts":[{"source":"stores","name":"stores-0","file":"clean/stores/eae11495f4667b0841043feacaadaa19687820bf0431e3d7f10fa0c7e21e603d/part.parquet","rows":384,"sha256":"1a07e1830eb6e1b4745b9a15ecc6679711524eec33f30abbdc58743f94ab9fcd"},{"source":"stores","name":"stores-1","file":"clean/stores/a8e43d0ec57120ce2c06caeafad8b914c35d3ffa76c9f36812abe5a10d6e7534/part.parquet","rows":384,"sha256":"a2fbcbe23a0117af12d9829334c399536fd34e96d390f7e62a3d2d628cc4d7e0"}],"seed":7}','normal',999999844.161,NULL);
INSERT INTO "items" VALUES(73,'default','partitions','kiosks/kiosks/kiosks-0@22eaf188d8d9931f','1','completed',NULL,1,0,3,0,NULL,NULL,NULL,'clean',NULL,'5e3a9eaa8ebceabd1b5e2978b515da69',999999864.762,999999879.546,'accd3ae28843612c7d1cc7a9bf482810118bf29106d5f42df91efa01263cde65','{"study":"kiosks","source":"kiosks","name":"kiosks-0","location":"kiosks-0.csv","validator":"14050-1795899912960442424","contract":{"name":"kiosks","columns":{"at":{"type":"time","unit":"","scale":1.0,"required":true,"low":null,"high":null,"one_of":[],"pattern":null,"longest":1000,"zone":"UTC","outliers":null,"bad":"discard-row","known_before":false},"shop":{"type":"text","unit":"","scale":1.0,"required":true,"low":null,"high":null,"one_of":["a","b"],"pattern":null,"longest":1000,"zone":"UTC","outliers":null,"bad":"discard-row","known_before":true},"price":{"type":"number","unit":"","scale":1.0,"required":true,"low":null,"high":null,"one_of":[],"pattern":null,"longest":1000,"zone":"UTC","outliers":null,"bad":"discard-row","known_before":true},"sold":{"type":"number","unit":"pieces","scale":1.0,"required":false,"low":null,"high":null,"one_of":[],"pattern":null,"longest":1000,"zone":"UTC","outliers":null,"bad":"discard-row","known_before":false}},"time":"at","key":["at","shop"],"unknown":"evolve","relations":[],"gaps":null,"late_hours":0.0,"follows_pages":false},"corrections":""}','normal',999999864.749,NULL);
INSERT INTO "items" VALUES(74,'default','partitions','kiosks/kiosks/kiosks-1@d3d9f99da3e61c1f','1','completed',NULL,1,0,3,0,NULL,NULL,NULL,'clean',NULL,'830ce3a7aff94f04da15ca7f50971583',999999864.762,999999879.546,'e64c5edca74df82bd53ac1a607130923c5f19fa8a994b9c06f522852cbaecd88','{"study":"kiosks","source":"kiosks","name":"kiosks-1","location":"kiosks-1.csv","validator":"14027-1795899912964343550","contract":{"name":"kiosks","columns":{"at":{"type":"time","unit":"","scale":1.0,"required":true,"low":null,"high":null,"one_of":[],"pattern":null,"longest":1000,"zone":"UTC","outliers":null,"bad":"discard-row","known_before":false},"shop":{"type":"text","unit":"","scale":1.0,"required":true,"low":null,"high":null,"one_of":["a","b"],"pattern":null,"longest":1000,"zone":"UTC","outliers":null,"bad":"discard-row","known_before":true},"price":{"type":"number","unit":"","scale":1.0,"required":true,"low":null,"high":null,"one_of":[],"pattern":null,"longest":1000,"zone":"UTC","outliers":null,"bad":"discard-row","known_before":true},"sold":{"type":"number","unit":"pieces","scale":1.0,"required":false,"low":null,"high":null,"one_of":[],"pattern":null,"longest":1000,"zone":"UTC","outliers":null,"bad":"discard-row","known_before":false}},"time":"at","key":["at","shop"],"unknown":"evolve","relations":[],"gaps":null,"late_hours":0.0,"follows_pages":false},"corrections":""}','normal',999999865.749,NULL);
INSERT INTO "items" VALUES(75,'default','candidates','kiosks/baseline@54e9de9b5a5cb47f','1','completed',NULL,1,0,3,0,NULL,NULL,NULL,'trained',NULL,'b0d2c5fdb8e3fb03ff45de278478e6d1',999999879.56,999999902.05,'54e9de9b5a5cb47fd783f7f73dc1f0ad2f2d9b62619e0ad1ca96dde39d9c9b56','{"study":{"name":"kiosks","sources":[{"contract":{"name":"kiosks","columns":{"at":{"type":"time","unit":"","scale":1.0,"required":true,"low":null,"high":null,"one_of":[],"pattern":null,"longest":1000,"zone":"UTC","outliers":null,"bad":"discard-row","known_before":false},"shop":{"type":"text","unit":"","scale":1.0,"required":true,"low":null,"high":null,"one_of":["a","b"],"pattern":null,"longest":1000,"zone":"UTC","outliers":null,"bad":"discard-row","known_before":true},"price":{"type":"number","unit":"","scale":1.0,"required":true,"low":null,"high":null,"one_of":[],"pattern":null,"longest":1000,"zone":"UTC","outliers":null,"bad":"discard-row","known_before":true},"sold":{"type":"number","unit":"pieces","scale":1.0,"required":false,"low":null,"high":null,"one_of":[],"pattern":null,"longest":1000,"zone":"UTC","outliers":null,"bad":"discard-row","known_before":false}},"time":"at","key":["at","shop"],"unknown":"evolve","relations":[],"gaps":null,"late_hours":0.0,"follows_pages":false},"locations":["kiosks-*.csv"]}],"target":"sold","joins":[],"history":null,"test_share":0.25},"candidate":"baseline","data":"643292bc4f6897e33143238a5db83cee833e28578f5c0979fab13a4119dfd85a","parts":[{"source":"kiosks","name":"kiosks-0","file":"clean/kiosks/22eaf188d8d9931f576ec26e3ceea5fa10b3d7f7128826d104e346d3cd7d7d8e/part.parquet","rows":384,"sha256":"975fb80b41adc4aee766284b16e2a421469849f7ee6e2a47dad03196c955aae7"},{"source":"kiosks","name":"kiosks-1","file":"clean/kiosks/d3d9f99da3e61c1fedf0bed483156690fc22a21282919b31a8e1aaec2c2ddd80/part.parquet","rows":384,"sha256":"c18d6ead4777eb052c6c346e4029a703e5e6ba30d974236d1c7646a9631d473f"}],"seed":7}','normal',999999879.56,NULL);
INSERT INTO "items" VALUES(76,'default','candidates','kiosks/linear@fa392db0cb5cd900','1','completed',NULL,1,0,3,0,NULL,NULL,NULL,'trained',NULL,'e047135a2957b9681fbdf7d337a00c7c',999999879.56,999999902.05,'fa392db0cb5cd9002987e4e00b3c6a88f32363f7f734b1626dfb0d030562c706','{"study":{"name":"kiosks","sources":[{"contract":{"name":"kiosks","columns":{"at":{"type":"time","unit":"","scale":1.0,"required":true,"low":null,"high":null,"one_of":[],"pattern":null,"longest":1000,"zone":"UTC","outliers":null,"bad":"discard-row","known_before":false},"shop":{"type":"text","unit":"","scale":1.0,"required":true,"low":null,"high":null,"one_of":["a","b"],"pattern":null,"longest":1000,"zone":"UTC","outliers":null,"bad":"discard-row","known_before":true},"price":{"type":"number","unit":"","scale":1.0,"required":true,"low":null,"high":null,"one_of":[],"pattern":null,"longest":1000,"zone":"UTC","outliers":null,"bad":"discard-row","known_before":true},"sold":{"type":"number","unit":"pieces","scale":1.0,"required":false,"low":null,"high":null,"one_of":[],"pattern":null,"longest":1000,"zone":"UTC","outliers":null,"bad":"discard-row","known_before":false}},"time":"at","key":["at","shop"],"unknown":"evolve","relations":[],"gaps":null,"late_hours":0.0,"follows_pages":false},"locations":["kiosks-*.csv"]}],"target":"sold","joins":[],"history":null,"test_share":0.25},"candidate":"linear","data":"643292bc4f6897e33143238a5db83cee833e28578f5c0979fab13a4119dfd85a","parts":[{"source":"kiosks","name":"kiosks-0","file":"clean/kiosks/22eaf188d8d9931f576ec26e3ceea5fa10b3d7f7128826d104e346d3cd7d7d8e/part.parquet","rows":384,"sha256":"975fb80b41adc4aee766284b16e2a421469849f7ee6e2a47dad03196c955aae7"},{"source":"kiosks","name":"kiosks-1","file":"clean/kiosks/d3d9f99da3e61c1fedf0bed483156690fc22a21282919b31a8e1aaec2c2ddd80/part.parquet","rows":384,"sha256":"c18d6ead4777eb052c6c346e4029a703e5e6ba30d974236d1c7646a9631d473f"}],"seed":7}','normal',999999880.56,NULL);
INSERT INTO "items" VALUES(77,'default','candidates','kiosks/trees@3bc6e4a9ca276120','1','completed',NULL,1,0,3,0,NULL,NULL,NULL,'trained',NULL,'f36ebf2a3d2a48dfcb50dbf32ee69db1',999999879.56,999999902.05,'3bc6e4a9ca27612015d23717ffc7d48dcbe2ad482e71c8398a6bbcac084f1c3d','{"study":{"name":"kiosks","sources":[{"contract":{"name":"kiosks","columns":{"at":{"type":"time","unit":"","scale":1.0,"required":true,"low":null,"high":null,"one_of":[],"pattern":null,"longest":1000,"zone":"UTC","outliers":null,"bad":"discard-row","known_before":false},"shop":{"type":"text","unit":"","scale":1.0,"required":true,"low":null,"high":null,"one_of":["a","b"],"pattern":null,"longest":1000,"zone":"UTC","outliers":null,"bad":"discard-row","known_before":true},"price":{"type":"number","unit":"","scale":1.0,"required":true,"low":null,"high":null,"one_of":[],"pattern":null,"longest":1000,"zone":"UTC","outliers":null,"bad":"discard-row","known_before":true},"sold":{"type":"number","unit":"pieces","scale":1.0,"required":false,"low":null,"high":null,"one_of":[],"pattern":null,"longest":1000,"zone":"UTC","outliers":null,"bad":"discard-row","known_before":false}},"time":"at","key":["at","shop"],"unknown":"evolve","relations":[],"gaps":null,"late_hours":0.0,"follows_pages":false},"locations":["kiosks-*.csv"]}],"target":"sold","joins":[],"history":null,"test_share":0.25},"candidate":"trees","data":"643292bc4f6897e33143238a5db83cee833e28578f5c0979fab13a4119dfd85a","parts":[{"source":"kiosks","name":"kiosks-0","file":"clean/kiosks/22eaf188d8d9931f576ec26e3ceea5fa10b3d7f7128826d104e346d3cd7d7d8e/part.parquet","rows":384,"sha256":"975fb80b41adc4aee766284b16e2a421469849f7ee6e2a47dad03196c955aae7"},{"source":"kiosks","name":"kiosks-1","file":"clean/kiosks/d3d9f99da3e61c1fedf0bed483156690fc22a21282919b31a8e1aaec2c2ddd80/part.parquet","rows":384,"sha256":"c18d6ead4777eb052c6c346e4029a703e5e6ba30d974236d1c7646a9631d473f"}],"seed":7}','normal',999999881.56,NULL);
INSERT INTO "items" VALUES(78,'default','comparisons','kiosks/comparison@348b6e57cfd6b6b6','1','dead_lettered',NULL,2,1,4,0,NULL,NULL,NULL,NULL,'{"agent":"weigh_candidates","error_type":"FileNotFoundError","error":"data/analysis/kiosks/models/0c1caa982a7110f577ab2d255d04b846/reference.parquet","cancelled":false}','496e46f1fbf18ddc9c361bf3ae4b266a',999999902.295,999999934.118,'348b6e57cfd6b6b64f8db21c3cbbe9bb9d28fa635201c3df56720027ffb36b06','{"training":{"study":{"name":"kiosks","sources":[{"contract":{"name":"kiosks","columns":{"at":{"type":"time","unit":"","scale":1.0,"required":true,"low":null,"high":null,"one_of":[],"pattern":null,"longest":1000,"zone":"UTC","outliers":null,"bad":"discard-row","known_before":false},"shop":{"type":"text","unit":"","scale":1.0,"required":true,"low":null,"high":null,"one_of":["a","b"],"pattern":null,"longest":1000,"zone":"UTC","outliers":null,"bad":"discard-row","known_before":true},"price":{"type":"number","unit":"","scale":1.0,"required":true,"low":null,"high":null,"one_of":[],"pattern":null,"longest":1000,"zone":"UTC","outliers":null,"bad":"discard-row","known_before":true},"sold":{"type":"number","unit":"pieces","scale":1.0,"required":false,"low":null,"high":null,"one_of":[],"pattern":null,"longest":1000,"zone":"UTC","outliers":null,"bad":"discard-row","known_before":false}},"time":"at","key":["at","shop"],"unknown":"evolve","relations":[],"gaps":null,"late_hours":0.0,"follows_pages":false},"locations":["kiosks-*.csv"]}],"target":"sold","joins":[],"history":null,"test_share":0.25},"candidate":"baseline","data":"643292bc4f6897e33143238a5db83cee833e28578f5c0979fab13a4119dfd85a","parts":[{"source":"kiosks","name":"kiosks-0","file":"clean/kiosks/22eaf188d8d9931f576ec26e3ceea5fa10b3d7f7128826d104e346d3cd7d7d8e/part.parquet","rows":384,"sha256":"975fb80b41adc4aee766284b16e2a421469849f7ee6e2a47dad03196c955aae7"},{"source":"kiosks","name":"kiosks-1","file":"clean/kiosks/d3d9f99da3e61c1fedf0bed483156690fc22a21282919b31a8e1aaec2c2ddd80/part.parquet","rows":384,"sha256":"c18d6ead4777eb052c6c346e4029a703e5e6ba30d974236d1c7646a9631d473f"}],"seed":7},"candidates":[{"version":"dd7b1c13afce26cc971dd3dab35e4dfd","candidate":"baseline"},{"version":"0c1caa982a7110f577ab2d255d04b846","candidate":"linear"},{"version":"91ff1052add05fcc9a2651468ed3482a","candidate":"trees"}],"champion":"","sources":[{"source":"kiosks","partitions":2,"refused":0,"rows":768,"good":768,"quarantined":0,"deduplicated":0,"rules":{},"discarded":{},"gaps":0}]}','normal',999999902.286,NULL);
INSERT INTO "items" VALUES(79,'default','partitions','yards/yards/yards-0@dffc6df438fa936e','1','failed',NULL,1,0,4,0,NULL,NULL,NULL,'refused','{"agent":"clean_partition","error_type":"NoSuchColumn","error":"no column ''at'', which is required; there are id, surprise: agree on a new contract or mend the source","cancelled":false}','f796e855e76ed65ff687424e65ff5aed',999999934.665,999999949.368,'ddc3ac2bc62a50c87a3af93f672b8ac6c5f9d4da2556082c166e8328850a6710','{"study":"yards","source":"yards","name":"yards-0","location":"yards-0.csv","validator":"16-1795900119603135327","contract":{"name":"yards","columns":{"at":{"type":"time","unit":"","scale":1.0,"required":true,"low":null,"high":null,"one_of":[],"pattern":null,"longest":1000,"zone":"UTC","outliers":null,"bad":"discard-row","known_before":false},"shop":{"type":"text","unit":"","scale":1.0,"required":true,"low":null,"high":null,"one_of":["a","b"],"pattern":null,"longest":1000,"zone":"UTC","outliers":null,"bad":"discard-row","known_before":true},"price":{"type":"number","unit":"","scale":1.0,"required":true,"low":null,"high":null,"one_of":[],"pattern":null,"longest":1000,"zone":"UTC","outliers":null,"bad":"discard-row","known_before":true},"sold":{"type":"number","unit":"pieces","scale":1.0,"required":false,"low":null,"high":null,"one_of":[],"pattern":null,"longest":1000,"zone":"UTC","outliers":null,"bad":"discard-row","known_before":false}},"time":"at","key":["at","shop"],"unknown":"evolve","relations":[],"gaps":null,"late_hours":0.0,"follows_pages":false},"corrections":""}','normal',999999934.665,NULL);
INSERT INTO "items" VALUES(80,'default','partitions','ports/ports/ports-0@f14fca5e74a7df02','1','processing','host-24691-20cbb0b9a375',1,0,2,0,NULL,NULL,NULL,NULL,NULL,'1f9d3114d67f9389656b7791de2b4327',999999967.591,NULL,'0c9cffbdb0179ce160014c0b08c0c6693585f97dbea5245b77570146e8d1a29e','{"study":"ports","source":"ports","name":"ports-0","location":"ports-0.csv","validator":"107-1795900134557058670","contract":{"name":"ports","columns":{"at":{"type":"time","unit":"","scale":1.0,"required":true,"low":null,"high":null,"one_of":[],"pattern":null,"longest":1000,"zone":"UTC","outliers":null,"bad":"discard-row","known_before":false},"shop":{"type":"text","unit":"","scale":1.0,"required":true,"low":null,"high":null,"one_of":["a","b"],"pattern":null,"longest":1000,"zone":"UTC","outliers":null,"bad":"discard-row","known_before":true},"price":{"type":"number","unit":"","scale":1.0,"required":true,"low":null,"high":null,"one_of":[],"pattern":null,"longest":1000,"zone":"UTC","outliers":null,"bad":"discard-row","known_before":true},"sold":{"type":"number","unit":"pieces","scale":1.0,"required":false,"low":null,"high":null,"one_of":[],"pattern":null,"longest":1000,"zone":"UTC","outliers":null,"bad":"discard-row","known_before":false}},"time":"at","key":["at","shop"],"unknown":"evolve","relations":[],"gaps":null,"late_hours":0.0,"follows_pages":false},"corrections":""}','normal',999999967.59,NULL);
CREATE TABLE messages (
	id TEXT NOT NULL, 
	topic TEXT NOT NULL, 
	version TEXT NOT NULL, 
	item INTEGER, 
	sequence INTEGER, 
	trace TEXT NOT NULL, 
	body TEXT NOT NULL, 
	at DOUBLE NOT NULL, 
	relay_at DOUBLE NOT NULL, 
	epoch TEXT, 
	PRIMARY KEY (id)
);
INSERT INTO "messages" VALUES('orders.ended:8:2','orders.ended','1',NULL,NULL,'00-dfc1a592fa4e31622088afe6a78b5bd6-0000000000000008-01','{"item":8,"tenant":"default","key":"u-6","state":"cancelled","outcome":"rejected"}',999999432.392,999999986.4,'54de8814e9404d17ab78ff51ea02f422');
INSERT INTO "messages" VALUES('orders.ended:9:7','orders.ended','1',NULL,NULL,'00-0b7bac7a403bcea160e33461c154fff1-0000000000000009-01','{"item":9,"tenant":"default","key":"u-10","state":"completed","outcome":"shipped"}',999999453.824,999999986.4,'54de8814e9404d17ab78ff51ea02f422');
INSERT INTO "messages" VALUES('orders.ended:15:2','orders.ended','1',NULL,NULL,'00-4cb04c7e7ebde61dabf348845668a48a-000000000000000f-01','{"item":15,"tenant":"default","key":"u-19","state":"completed","outcome":"shipped"}',999999454.553,999999986.4,'54de8814e9404d17ab78ff51ea02f422');
INSERT INTO "messages" VALUES('orders.ended:19:2','orders.ended','1',NULL,NULL,'00-155b541b9b0cab9da07fbcfe65c47e72-0000000000000013-01','{"item":19,"tenant":"default","key":"u-16","state":"completed","outcome":"shipped"}',999999484.105,999999986.4,'54de8814e9404d17ab78ff51ea02f422');
INSERT INTO "messages" VALUES('orders.ended:20:1','orders.ended','1',NULL,NULL,'00-7194fec4cf8ea80348fb12ea90f1d255-0000000000000014-01','{"item":20,"tenant":"default","key":"u-17","state":"completed","outcome":"shipped"}',999999491.102,999999986.4,'54de8814e9404d17ab78ff51ea02f422');
INSERT INTO "messages" VALUES('5db70ae552484636bdee4e918b890aa2','stock.low','1',NULL,NULL,'00-00000000000000000000000000000000-2516386543620146-01','{"n":1,"text":"lamp"}',999999984.017,999999986.017,'54de8814e9404d17ab78ff51ea02f422');
INSERT INTO "messages" VALUES('bf75ddd19c9041d7a75d39ed1cd1eb6e','stock.low','1',NULL,NULL,'00-00000000000000000000000000000000-4287ea05f58e6931-01','{"n":2,"text":"broken"}',999999984.345,999999986.345,'54de8814e9404d17ab78ff51ea02f422');
INSERT INTO "messages" VALUES('54f63512822a49528cf1fe81617bc7bb','stock.low','1',NULL,NULL,'00-00000000000000000000000000000000-15c8d2aef98ea02c-01','{"n":3,"text":"never"}',999999984.409,999999986.409,'54de8814e9404d17ab78ff51ea02f422');
INSERT INTO "messages" VALUES('price:lamp','price','1',NULL,NULL,'00-00000000000000000000000000000000-ffade11186da2301-01','{"n":7,"text":""}',999999988.648,999999990.648,'54de8814e9404d17ab78ff51ea02f422');
INSERT INTO "messages" VALUES('price:ghost','price','1',NULL,NULL,'00-00000000000000000000000000000000-09a5e88fdb7a3fc0-01','{"n":0,"text":"unknown"}',999999988.699,999999990.699,'54de8814e9404d17ab78ff51ea02f422');
INSERT INTO "messages" VALUES('49f83f33a11b4530b5fecdabb594c631','stock.low','1',NULL,NULL,'00-00000000000000000000000000000000-72783179eee1503b-01','{"n":4,"text":"rare"}',999999989.84,999999991.84,'54de8814e9404d17ab78ff51ea02f422');
INSERT INTO "messages" VALUES('75d10c8e3b3f4732ad344da69c13903e','stock.low','1',1,1,'00-00000000000000000000000000000000-0178f28bbf8b8fe5-01','{"n":5,"text":"lamp"}',999999989.997,999999991.997,'54de8814e9404d17ab78ff51ea02f422');
INSERT INTO "messages" VALUES('b0b9ac2e209e4a63aa62f254a3f05609','stock.low','1',1,2,'00-00000000000000000000000000000000-c4ad2487d7eaaa18-01','{"n":6,"text":"lamp"}',999999989.998,999999991.998,'54de8814e9404d17ab78ff51ea02f422');
INSERT INTO "messages" VALUES('price:rare','price','1',NULL,NULL,'00-00000000000000000000000000000000-50abdbbcbf3ff094-01','{"n":9,"text":""}',999999990.0,999999992.0,'54de8814e9404d17ab78ff51ea02f422');
CREATE TABLE outbox (
	id INTEGER NOT NULL, 
	item INTEGER NOT NULL, 
	topic TEXT NOT NULL, 
	channel TEXT NOT NULL, 
	body TEXT NOT NULL, 
	status TEXT NOT NULL, 
	owner TEXT, 
	attempts INTEGER NOT NULL, 
	at DOUBLE NOT NULL, 
	error TEXT, 
	PRIMARY KEY (id), 
	FOREIGN KEY(item) REFERENCES items (id), 
	CONSTRAINT outbox_once UNIQUE (item, topic, channel)
);
INSERT INTO "outbox" VALUES(1,1,'order.shipped','email','{"channel":"email","to":"ann0@example.com","subject":"Your order u-0 is on its way","text":"Dear Ann Lee,\n\nYour order is on its way with swift, tracking number SW0000000001.\n\n- 2 x lamp\nTotal: USD 39.98\n"}','sent','host-12461-83d9839f8d18',1,999999431.996,NULL);
INSERT INTO "outbox" VALUES(2,5,'order.rejected','email','{"channel":"email","to":"ann3@example.com","subject":"Your order u-3 could not be accepted","text":"Dear Ann Lee,\n\nWe could not accept your order and have taken no money.\n\nReason: out of stock.\n\n- 5 x rare\nTotal: USD 99.95\n"}','sent','host-12461-83d9839f8d18',1,999999432.159,NULL);
INSERT INTO "outbox" VALUES(3,3,'order.rejected','email','{"channel":"email","to":"ann2@example.com","subject":"Your order u-2 could not be accepted","text":"Dear Ann Lee,\n\nWe could not accept your order and have taken no money.\n\nReason: declined.\n\n- 1 x lamp\nTotal: USD 19.99\n"}','sent','host-12461-83d9839f8d18',1,999999432.188,NULL);
INSERT INTO "outbox" VALUES(4,2,'order.refunded','email','{"channel":"email","to":"ann1@example.com","subject":"Your order u-1 was cancelled and refunded","text":"Dear Ann Lee,\n\nWe returned USD 19.99 to your account.\n\nReason: no carrier.\n\n- 1 x anvil\nTotal: USD 19.99\n"}','sent','host-12461-83d9839f8d18',1,999999432.188,NULL);
INSERT INTO "outbox" VALUES(5,8,'order.rejected','email','{"channel":"email","to":"ann6@example.com","subject":"Your order u-6 could not be accepted","text":"Dear Ann Lee,\n\nWe could not accept your order and have taken no money.\n\nReason: cancelled.\n\n- 1 x lamp\nTotal: USD 7,000.00\n"}','sent','host-12461-3f6d1a1646d8',1,999999432.391,NULL);
INSERT INTO "outbox" VALUES(6,9,'order.shipped','email','{"channel":"email","to":"ann10@example.com","subject":"Your order u-10 is on its way","text":"Dear Ann Lee,\n\nYour order is on its way with swift, tracking number SW0000000002.\n\n- 1 x lamp\nTotal: USD 19.99\n"}','sent','host-12461-8ec544161567',1,999999453.822,NULL);
INSERT INTO "outbox" VALUES(7,15,'order.shipped','email','{"channel":"email","to":"ann19@example.com","subject":"Your order u-19 is on its way","text":"Dear Ann Lee,\n\nYour order is on its way with bulky, tracking number BK0000000003.\n\n- 20 x lamp\nTotal: USD 11,000.00\n"}','sent','host-12461-cc5592ba7184',1,999999454.551,NULL);
INSERT INTO "outbox" VALUES(8,19,'order.shipped','email','{"channel":"email","to":"ann16@example.com","subject":"Your order u-16 is on its way","text":"Dear Ann Lee,\n\nYour order is on its way with swift, tracking number SW0000000005.\n\n- 1 x lamp\nTotal: USD 19.99\n"}','waiting',NULL,0,999999484.094,NULL);
INSERT INTO "outbox" VALUES(9,20,'order.shipped','email','{"channel":"email","to":"ann17@example.com","subject":"Your order u-17 is on its way","text":"Dear Ann Lee,\n\nYour order is on its way with swift, tracking number SW0000000006.\n\n- 1 x lamp\nTotal: USD 19.99\n"}','sending','host-14756-d3239cfca2a3',1,999999491.101,NULL);
CREATE TABLE owners (
	id TEXT NOT NULL, 
	host TEXT NOT NULL, 
	pid INTEGER NOT NULL, 
	lease DOUBLE NOT NULL, 
	beat_at DOUBLE NOT NULL, 
	flow_run TEXT, 
	PRIMARY KEY (id)
);
INSERT INTO "owners" VALUES('host-14035-06062121768a','host',14035,2.0,999999463.499,NULL);
INSERT INTO "owners" VALUES('host-14383-c8637c40086f','host',14383,2.0,999999471.085,NULL);
INSERT INTO "owners" VALUES('host-14590-b16211591fdb','host',14590,2.0,999999477.0,NULL);
INSERT INTO "owners" VALUES('host-14708-e28c1f638f88','host',14708,2.0,999999484.009,NULL);
INSERT INTO "owners" VALUES('host-14756-d3239cfca2a3','host',14756,2.0,999999490.799,NULL);
INSERT INTO "owners" VALUES('host-14781-a5ae1480aa55','host',14781,2.0,999999495.883,NULL);
INSERT INTO "owners" VALUES('host-14835-f27fa6c3b61d','host',14835,2.0,999999502.89,NULL);
INSERT INTO "owners" VALUES('host-14986-6c23371c5a8f','host',14986,2.0,999999511.001,NULL);
INSERT INTO "owners" VALUES('host-15016-e1a5d4aa3d1c','host',15016,2.0,999999518.841,NULL);
INSERT INTO "owners" VALUES('host-15033-3dc9d541afb2','host',15033,2.0,999999527.463,NULL);
INSERT INTO "owners" VALUES('host-15857-fcba6b66854a','host',15857,2.0,999999546.609,NULL);
INSERT INTO "owners" VALUES('host-16222-f2f5624c02cd','host',16222,2.0,999999555.472,NULL);
INSERT INTO "owners" VALUES('host-16845-afadb63fceb4','host',16845,2.0,999999628.185,NULL);
INSERT INTO "owners" VALUES('host-18471-3a9a8e1bf1ae','host',18471,2.0,999999725.177,NULL);
INSERT INTO "owners" VALUES('host-20586-5ac1ea67e3a6','host',20586,2.0,999999822.015,NULL);
INSERT INTO "owners" VALUES('host-21424-e4770f52ee9e','host',21424,2.0,999999846.156,NULL);
INSERT INTO "owners" VALUES('host-22043-dd0819f9873d','host',22043,2.0,999999902.94,NULL);
INSERT INTO "owners" VALUES('host-24691-20cbb0b9a375','host',24691,2.0,999999983.338,NULL);
CREATE TABLE positions (
	item INTEGER NOT NULL, 
	sequence INTEGER NOT NULL, 
	PRIMARY KEY (item)
);
INSERT INTO "positions" VALUES(1,2);
CREATE TABLE queues (
	scenario TEXT NOT NULL, 
	"virtual" DOUBLE NOT NULL, 
	at DOUBLE NOT NULL, 
	paused TEXT, 
	PRIMARY KEY (scenario)
);
INSERT INTO "queues" VALUES('orders',999999727.422,999999727.422,'{"by":"Ann","reason":"stocktaking"}');
CREATE TABLE rates (
	scenario TEXT NOT NULL, 
	tenant TEXT NOT NULL, 
	per_second DOUBLE NOT NULL, 
	burst INTEGER NOT NULL, 
	due_at DOUBLE NOT NULL, 
	turn_at DOUBLE NOT NULL, 
	PRIMARY KEY (scenario, tenant)
);
INSERT INTO "rates" VALUES('turns','default',100.0,10,0.0,0.0);
CREATE TABLE requests (
	message TEXT NOT NULL, 
	deadline DOUBLE NOT NULL, 
	reply TEXT, 
	version TEXT, 
	error TEXT, 
	replied_at DOUBLE, 
	PRIMARY KEY (message)
);
INSERT INTO "requests" VALUES('price:lamp',1000000008.65,'{"total":21}','1',NULL,999999988.682);
INSERT INTO "requests" VALUES('price:ghost',1000000008.7,NULL,NULL,'refused: PermanentError(''no such goods'')',999999988.733);
INSERT INTO "requests" VALUES('price:rare',999999990.501,NULL,NULL,NULL,NULL);
CREATE TABLE shares (
	scenario TEXT NOT NULL, 
	tenant TEXT NOT NULL, 
	priority TEXT NOT NULL, 
	finish DOUBLE NOT NULL, 
	PRIMARY KEY (scenario, tenant, priority)
);
INSERT INTO "shares" VALUES('orders','default','normal',999999584.378);
INSERT INTO "shares" VALUES('turns','default','normal',999999729.655);
INSERT INTO "shares" VALUES('changes','default','normal',999999728.328);
INSERT INTO "shares" VALUES('handovers','default','normal',999999581.188);
INSERT INTO "shares" VALUES('orders','default','urgent',999999727.188);
INSERT INTO "shares" VALUES('partitions','default','normal',999999968.59);
INSERT INTO "shares" VALUES('candidates','default','normal',999999921.572);
INSERT INTO "shares" VALUES('comparisons','default','normal',999999921.576);
CREATE TABLE stages (
	item INTEGER NOT NULL, 
	agent TEXT NOT NULL, 
	occurrence INTEGER NOT NULL, 
	version TEXT NOT NULL, 
	status TEXT NOT NULL, 
	attempts INTEGER NOT NULL, 
	at DOUBLE NOT NULL, 
	output TEXT, 
	error TEXT, 
	PRIMARY KEY (item, agent, occurrence), 
	FOREIGN KEY(item) REFERENCES items (id)
)
 WITHOUT ROWID

;
INSERT INTO "stages" VALUES(1,'assess_risk',0,'1','done',0,999999431.502,'{"risk":0,"reasons":[]}',NULL);
INSERT INTO "stages" VALUES(1,'authorise_payment',0,'1','done',0,999999431.806,'{"payment":"pi_48b24cf15b2c3ec68d0169bf"}',NULL);
INSERT INTO "stages" VALUES(1,'book_shipment',0,'1','done',0,999999431.893,'{"carrier":"swift","tracking_id":"SW0000000001"}',NULL);
INSERT INTO "stages" VALUES(1,'capture_payment',0,'1','done',0,999999431.825,'{"payment":"pi_48b24cf15b2c3ec68d0169bf","amount":3998}',NULL);
INSERT INTO "stages" VALUES(1,'issue_stock',0,'1','done',0,999999431.941,'{"reservation":"default:orders:u-0:reserve_stock:0"}',NULL);
INSERT INTO "stages" VALUES(1,'open_payment',0,'1','done',0,999999431.793,'{"payment":"pi_48b24cf15b2c3ec68d0169bf"}',NULL);
INSERT INTO "stages" VALUES(1,'reserve_stock',0,'1','done',0,999999431.685,'{"reservation":"default:orders:u-0:reserve_stock:0","weight_grams":1000}',NULL);
INSERT INTO "stages" VALUES(2,'assess_risk',0,'1','done',0,999999431.502,'{"risk":0,"reasons":[]}',NULL);
INSERT INTO "stages" VALUES(2,'authorise_payment',0,'1','done',0,999999431.806,'{"payment":"pi_3077084ac00d53df805b8e4d"}',NULL);
INSERT INTO "stages" VALUES(2,'book_shipment',0,'1','failed',0,999999431.893,NULL,'no carrier takes the parcel: swift refused the parcel: weight: 40000 g is over the limit of 5000 g; bulky refused the parcel: weight: 40000 g is over the limit of 30000 g');
INSERT INTO "stages" VALUES(2,'capture_payment',0,'1','done',0,999999431.825,'{"payment":"pi_3077084ac00d53df805b8e4d","amount":1999}',NULL);
INSERT INTO "stages" VALUES(2,'close_payment',0,'1','done',0,999999432.073,'{"payment":"pi_3077084ac00d53df805b8e4d","refunded":1999}',NULL);
INSERT INTO "stages" VALUES(2,'open_payment',0,'1','done',0,999999431.793,'{"payment":"pi_3077084ac00d53df805b8e4d"}',NULL);
INSERT INTO "stages" VALUES(2,'release_stock',0,'1','done',0,999999432.125,'{"reservation":"default:orders:u-1:reserve_stock:0"}',NULL);
INSERT INTO "stages" VALUES(2,'reserve_stock',0,'1','done',0,999999431.685,'{"reservation":"default:orders:u-1:reserve_stock:0","weight_grams":40000}',NULL);
INSERT INTO "stages" VALUES(3,'assess_risk',0,'1','done',0,999999431.502,'{"risk":0,"reasons":[]}',NULL);
INSERT INTO "stages" VALUES(3,'authorise_payment',0,'1','failed',0,999999431.806,NULL,'payment declined: insufficient_funds');
INSERT INTO "stages" VALUES(3,'close_payment',0,'1','done',0,999999432.073,'{"payment":"pi_b21ca2d2ee3757777d208b95","refunded":0}',NULL);
INSERT INTO "stages" VALUES(3,'open_payment',0,'1','done',0,999999431.793,'{"payment":"pi_b21ca2d2ee3757777d208b95"}',NULL);
INSERT INTO "stages" VALUES(3,'release_stock',0,'1','done',0,999999432.125,'{"reservation":"default:orders:u-2:reserve_stock:0"}',NULL);
INSERT INTO "stages" VALUES(3,'reserve_stock',0,'1','done',0,999999431.685,'{"reservation":"default:orders:u-2:reserve_stock:0","weight_grams":500}',NULL);
INSERT INTO "stages" VALUES(4,'assess_risk',0,'1','waiting',0,999999431.502,NULL,'risk 70: high-value, very-high-value');
INSERT INTO "stages" VALUES(5,'assess_risk',0,'1','done',0,999999431.502,'{"risk":0,"reasons":[]}',NULL);
INSERT INTO "stages" VALUES(5,'reserve_stock',0,'1','failed',0,999999431.685,NULL,'out of stock: 5 of u-rare wanted, 1 available');
INSERT INTO "stages" VALUES(6,'assess_risk',0,'1','waiting',0,999999431.502,NULL,'risk 70: high-value, very-high-value');
INSERT INTO "stages" VALUES(7,'assess_risk',0,'1','waiting',0,999999431.502,NULL,'risk 70: high-value, very-high-value');
INSERT INTO "stages" VALUES(8,'assess_risk',0,'1','waiting',0,999999431.502,NULL,'risk 70: high-value, very-high-value');
INSERT INTO "stages" VALUES(9,'assess_risk',0,'1','done',0,999999432.447,'{"risk":0,"reasons":[]}',NULL);
INSERT INTO "stages" VALUES(9,'authorise_payment',0,'1','done',0,999999432.484,'{"payment":"pi_08eac41e4a87b52f124dfb76"}',NULL);
INSERT INTO "stages" VALUES(9,'book_shipment',0,'1','done',0,999999453.808,'{"carrier":"swift","tracking_id":"SW0000000002"}',NULL);
INSERT INTO "stages" VALUES(9,'capture_payment',0,'1','done',0,999999432.501,'{"payment":"pi_08eac41e4a87b52f124dfb76","amount":1999}',NULL);
INSERT INTO "stages" VALUES(9,'issue_stock',0,'1','done',0,999999453.817,'{"reservation":"default:orders:u-10:reserve_stock:0"}',NULL);
INSERT INTO "stages" VALUES(9,'open_payment',0,'1','done',0,999999432.469,'{"payment":"pi_08eac41e4a87b52f124dfb76"}',NULL);
INSERT INTO "stages" VALUES(9,'reserve_stock',0,'1','done',0,999999432.458,'{"reservation":"default:orders:u-10:reserve_stock:0","weight_grams":500}',NULL);
INSERT INTO "stages" VALUES(10,'assess_risk',0,'1','done',0,999999432.447,'{"risk":0,"reasons":[]}',NULL);
INSERT INTO "stages" VALUES(10,'authorise_payment',0,'1','done',0,999999432.484,'{"payment":"pi_ad928032f282b3be321f382b"}',NULL);
INSERT INTO "stages" VALUES(10,'book_shipment',0,'1','failed',6,999999442.639,NULL,'swift book: out of service (503)');
INSERT INTO "stages" VALUES(10,'capture_payment',0,'1','done',0,999999432.501,'{"payment":"pi_ad928032f282b3be321f382b","amount":1999}',NULL);
INSERT INTO "stages" VALUES(10,'open_payment',0,'1','done',0,999999432.469,'{"payment":"pi_ad928032f282b3be321f382b"}',NULL);
INSERT INTO "stages" VALUES(10,'reserve_stock',0,'1','done',0,999999432.458,'{"reservation":"default:orders:u-7:reserve_stock:0","weight_grams":500}',NULL);
INSERT INTO "stages" VALUES(11,'assess_risk',0,'1','done',0,999999432.447,'{"risk":0,"reasons":[]}',NULL);
INSERT INTO "stages" VALUES(11,'authorise_payment',0,'1','done',0,999999432.484,'{"payment":"pi_d0624ea5d70033f14721a156"}',NULL);
INSERT INTO "stages" VALUES(11,'book_shipment',0,'1','failed',6,999999442.639,NULL,'swift book: out of service (503)');
INSERT INTO "stages" VALUES(11,'capture_payment',0,'1','done',0,999999432.501,'{"payment":"pi_d0624ea5d70033f14721a156","amount":1999}',NULL);
INSERT INTO "stages" VALUES(11,'open_payment',0,'1','done',0,999999432.469,'{"payment":"pi_d0624ea5d70033f14721a156"}',NULL);
INSERT INTO "stages" VALUES(11,'reserve_stock',0,'1','done',0,999999432.458,'{"reservation":"default:orders:u-8:reserve_stock:0","weight_grams":500}',NULL);
INSERT INTO "stages" VALUES(12,'assess_risk',0,'1','done',0,999999432.447,'{"risk":0,"reasons":[]}',NULL);
INSERT INTO "stages" VALUES(12,'authorise_payment',0,'1','done',0,999999432.484,'{"payment":"pi_47466799f2c9041b4b9ad364"}',NULL);
INSERT INTO "stages" VALUES(12,'book_shipment',0,'1','failed',6,999999442.639,NULL,'swift book: out of service (503)');
INSERT INTO "stages" VALUES(12,'capture_payment',0,'1','done',0,999999432.501,'{"payment":"pi_47466799f2c9041b4b9ad364","amount":1999}',NULL);
INSERT INTO "stages" VALUES(12,'open_payment',0,'1','done',0,999999432.469,'{"payment":"pi_47466799f2c9041b4b9ad364"}',NULL);
INSERT INTO "stages" VALUES(12,'reserve_stock',0,'1','done',0,999999432.458,'{"reservation":"default:orders:u-9:reserve_stock:0","weight_grams":500}',NULL);
INSERT INTO "stages" VALUES(13,'assess_risk',0,'1','done',0,999999442.736,'{"risk":0,"reasons":[]}',NULL);
INSERT INTO "stages" VALUES(13,'authorise_payment',0,'1','done',0,999999442.773,'{"payment":"pi_ed468ddba98a126abd5c4534"}',NULL);
INSERT INTO "stages" VALUES(13,'book_shipment',0,'1','failed',0,999999442.795,NULL,'no carrier takes the parcel: swift refused the parcel: weight: 40000 g is over the limit of 5000 g; bulky refused the parcel: weight: 40000 g is over the limit of 30000 g');
INSERT INTO "stages" VALUES(13,'capture_payment',0,'1','done',0,999999442.784,'{"payment":"pi_ed468ddba98a126abd5c4534","amount":1999}',NULL);
INSERT INTO "stages" VALUES(13,'close_payment',0,'1','failed',6,999999453.501,NULL,'payments refund: out of service (503)');
INSERT INTO "stages" VALUES(13,'open_payment',0,'1','done',0,999999442.767,'{"payment":"pi_ed468ddba98a126abd5c4534"}',NULL);
INSERT INTO "stages" VALUES(13,'reserve_stock',0,'1','done',0,999999442.757,'{"reservation":"default:orders:u-11:reserve_stock:0","weight_grams":40000}',NULL);
INSERT INTO "stages" VALUES(14,'assess_risk',0,'1','done',0,999999454.121,'{"risk":70,"reasons":["high-value","very-high-value"]}',NULL);
INSERT INTO "stages" VALUES(14,'authorise_payment',0,'1','done',0,999999454.158,'{"payment":"pi_485217d1de6c6c17c47ef8bc"}',NULL);
INSERT INTO "stages" VALUES(14,'book_shipment',0,'1','failed',0,999999454.196,NULL,'no carrier takes the parcel: swift refused the parcel: weight: 40000 g is over the limit of 5000 g; bulky refused the parcel: weight: 40000 g is over the limit of 30000 g');
INSERT INTO "stages" VALUES(14,'capture_payment',0,'1','done',0,999999454.176,'{"payment":"pi_485217d1de6c6c17c47ef8bc","amount":1100000}',NULL);
INSERT INTO "stages" VALUES(14,'close_payment',0,'1','waiting',0,999999454.238,NULL,'refund USD 11,000.00?');
INSERT INTO "stages" VALUES(14,'open_payment',0,'1','done',0,999999454.147,'{"payment":"pi_485217d1de6c6c17c47ef8bc"}',NULL);
INSERT INTO "stages" VALUES(14,'reserve_stock',0,'1','done',0,999999454.134,'{"reservation":"default:orders:u-12:reserve_stock:0","weight_grams":40000}',NULL);
INSERT INTO "stages" VALUES(15,'assess_risk',0,'1','done',0,999999454.438,'{"risk":100,"reasons":["high-value","very-high-value","many-pieces-of-one"]}',NULL);
INSERT INTO "stages" VALUES(15,'authorise_payment',0,'1','done',0,999999454.47,'{"payment":"pi_97cef8ac7fe206c95a19db05"}',NULL);
INSERT INTO "stages" VALUES(15,'book_shipment',0,'1','done',0,999999454.522,'{"carrier":"bulky","tracking_id":"BK0000000003"}',NULL);
INSERT INTO "stages" VALUES(15,'capture_payment',0,'1','done',0,999999454.475,'{"payment":"pi_97cef8ac7fe206c95a19db05","amount":1100000}',NULL);
INSERT INTO "stages" VALUES(15,'issue_stock',0,'1','done',0,999999454.531,'{"reservation":"default:orders:u-19:reserve_stock:0"}',NULL);
INSERT INTO "stages" VALUES(15,'open_payment',0,'1','done',0,999999454.46,'{"payment":"pi_97cef8ac7fe206c95a19db05"}',NULL);
INSERT INTO "stages" VALUES(15,'reserve_stock',0,'1','done',0,999999454.446,'{"reservation":"default:orders:u-19:reserve_stock:0","weight_grams":10000}',NULL);
INSERT INTO "stages" VALUES(16,'assess_risk',0,'1','done',0,999999463.163,'{"risk":0,"reasons":[]}',NULL);
INSERT INTO "stages" VALUES(16,'authorise_payment',0,'1','done',0,999999463.913,'{"payment":"pi_b3a9f3564655674ab62a893d"}',NULL);
INSERT INTO "stages" VALUES(16,'open_payment',0,'1','done',0,999999463.879,'{"payment":"pi_b3a9f3564655674ab62a893d"}',NULL);
INSERT INTO "stages" VALUES(16,'reserve_stock',0,'1','done',0,999999463.337,'{"reservation":"default:orders:u-13:reserve_stock:0","weight_grams":500}',NULL);
INSERT INTO "stages" VALUES(17,'assess_risk',0,'1','done',0,999999470.39,'{"risk":0,"reasons":[]}',NULL);
INSERT INTO "stages" VALUES(17,'authorise_payment',0,'1','done',0,999999471.02,'{"payment":"pi_0b2a0cf0922f4bddbb7a5068"}',NULL);
INSERT INTO "stages" VALUES(17,'book_shipment',0,'1','failed',0,999999471.092,NULL,'no carrier takes the parcel: swift refused the parcel: weight: 40000 g is over the limit of 5000 g; bulky refused the parcel: weight: 40000 g is over the limit of 30000 g');
INSERT INTO "stages" VALUES(17,'capture_payment',0,'1','done',0,999999471.066,'{"payment":"pi_0b2a0cf0922f4bddbb7a5068","amount":1999}',NULL);
INSERT INTO "stages" VALUES(17,'open_payment',0,'1','done',0,999999470.974,'{"payment":"pi_0b2a0cf0922f4bddbb7a5068"}',NULL);
INSERT INTO "stages" VALUES(17,'reserve_stock',0,'1','done',0,999999470.514,'{"reservation":"default:orders:u-14:reserve_stock:0","weight_grams":40000}',NULL);
INSERT INTO "stages" VALUES(18,'assess_risk',0,'1','done',0,999999477.339,'{"risk":0,"reasons":[]}',NULL);
INSERT INTO "stages" VALUES(18,'authorise_payment',0,'1','done',0,999999477.481,'{"payment":"pi_958668c5fad6523513ed5595"}',NULL);
INSERT INTO "stages" VALUES(18,'book_shipment',0,'1','done',0,999999477.536,'{"carrier":"swift","tracking_id":"SW0000000004"}',NULL);
INSERT INTO "stages" VALUES(18,'capture_payment',0,'1','done',0,999999477.509,'{"payment":"pi_958668c5fad6523513ed5595","amount":1999}',NULL);
INSERT INTO "stages" VALUES(18,'open_payment',0,'1','done',0,999999477.454,'{"payment":"pi_958668c5fad6523513ed5595"}',NULL);
INSERT INTO "stages" VALUES(18,'reserve_stock',0,'1','done',0,999999477.43,'{"reservation":"default:orders:u-15:reserve_stock:0","weight_grams":500}',NULL);
INSERT INTO "stages" VALUES(19,'assess_risk',0,'1','done',0,999999483.223,'{"risk":0,"reasons":[]}',NULL);
INSERT INTO "stages" VALUES(19,'authorise_payment',0,'1','done',0,999999483.947,'{"payment":"pi_3436a38f9745010c50a914be"}',NULL);
INSERT INTO "stages" VALUES(19,'book_shipment',0,'1','done',0,999999484.025,'{"carrier":"swift","tracking_id":"SW0000000005"}',NULL);
INSERT INTO "stages" VALUES(19,'capture_payment',0,'1','done',0,999999483.987,'{"payment":"pi_3436a38f9745010c50a914be","amount":1999}',NULL);
INSERT INTO "stages" VALUES(19,'issue_stock',0,'1','done',0,999999484.045,'{"reservation":"default:orders:u-16:reserve_stock:0"}',NULL);
INSERT INTO "stages" VALUES(19,'open_payment',0,'1','done',0,999999483.914,'{"payment":"pi_3436a38f9745010c50a914be"}',NULL);
INSERT INTO "stages" VALUES(19,'reserve_stock',0,'1','done',0,999999483.439,'{"reservation":"default:orders:u-16:reserve_stock:0","weight_grams":500}',NULL);
INSERT INTO "stages" VALUES(20,'assess_risk',0,'1','done',0,999999490.41,'{"risk":0,"reasons":[]}',NULL);
INSERT INTO "stages" VALUES(20,'authorise_payment',0,'1','done',0,999999491.025,'{"payment":"pi_3657a3ee992b89e6eb5703e7"}',NULL);
INSERT INTO "stages" VALUES(20,'book_shipment',0,'1','done',0,999999491.091,'{"carrier":"swift","tracking_id":"SW0000000006"}',NULL);
INSERT INTO "stages" VALUES(20,'capture_payment',0,'1','done',0,999999491.084,'{"payment":"pi_3657a3ee992b89e6eb5703e7","amount":1999}',NULL);
INSERT INTO "stages" VALUES(20,'issue_stock',0,'1','done',0,999999491.096,'{"reservation":"default:orders:u-17:reserve_stock:0"}',NULL);
INSERT INTO "stages" VALUES(20,'open_payment',0,'1','done',0,999999490.987,'{"payment":"pi_3657a3ee992b89e6eb5703e7"}',NULL);
INSERT INTO "stages" VALUES(20,'reserve_stock',0,'1','done',0,999999490.941,'{"reservation":"default:orders:u-17:reserve_stock:0","weight_grams":500}',NULL);
INSERT INTO "stages" VALUES(21,'assess_risk',0,'1','done',0,999999496.289,'{"risk":0,"reasons":[]}',NULL);
INSERT INTO "stages" VALUES(21,'authorise_payment',0,'1','delayed',0,999999526.844,NULL,'authorise_payment: this process''s lease ends in 1.3 s, sooner than a call may take (1.3 s)');
INSERT INTO "stages" VALUES(21,'open_payment',0,'1','done',0,999999496.414,'{"payment":"pi_24f01ab41955a84d51bf9611"}',NULL);
INSERT INTO "stages" VALUES(21,'reserve_stock',0,'1','done',0,999999496.384,'{"reservation":"default:orders:u-18:reserve_stock:0","weight_grams":500}',NULL);
INSERT INTO "stages" VALUES(22,'assess_risk',0,'1','done',0,999999546.224,'{"risk":0,"reasons":[]}',NULL);
INSERT INTO "stages" VALUES(22,'authorise_payment',0,'1','done',0,999999555.458,'{"payment":"pi_e3bc17393cc7700a091d7758"}',NULL);
INSERT INTO "stages" VALUES(22,'open_payment',0,'1','done',0,999999555.421,'{"payment":"pi_e3bc17393cc7700a091d7758"}',NULL);
INSERT INTO "stages" VALUES(22,'reserve_stock',0,'1','done',0,999999554.878,'{"reservation":"default:orders:u-27:reserve_stock:0","weight_grams":500}',NULL);
INSERT INTO "stages" VALUES(23,'carry_out',0,'1.1','done',0,999999575.752,'{"change":"","refused":"","handover":""}',NULL);
INSERT INTO "stages" VALUES(23,'decide_turn',0,'1.1','done',0,999999575.687,'{"action":"confirm","reason":"return_items","request":null,"parts":[{"saying":"confirm return_items","values":{"order":"u-0","method":"pm_card_visa","pieces":"lamp (u-lamp)","total":"39.98","worth":"19.99"},"passage":null}],"then":[],"besides":[],"after":{"task":{"name":"return_items","order":"u-0","pieces":["u-lamp"],"new":[],"method":"","address":null,"asked":"confirm"},"later":[],"order":"u-0","options":[],"failures":0,"said":"","language":"en","taken_over":""}}',NULL);
INSERT INTO "stages" VALUES(23,'learn_outcome',0,'1','done',0,999999575.803,'{"outcome":"none","rule":""}',NULL);
INSERT INTO "stages" VALUES(23,'phrase_turn',0,'1','done',0,999999575.815,'{"text":"","citations":[]}',NULL);
INSERT INTO "stages" VALUES(23,'reply_turn',0,'1.1','done',0,999999575.927,'{"text":"Return lamp (u-lamp) of order u-0; 19.99 goes back to pm_card_visa. Shall I do that? Please answer yes or no.","citations":[],"after":{"task":{"name":"return_items","order":"u-0","pieces":["u-lamp"],"new":[],"method":"","address":null,"asked":"confirm"},"later":[],"order":"u-0","options":[],"failures":0,"said":"Return lamp (u-lamp) of order u-0; 19.99 goes back to pm_card_visa. Shall I do that? Please answer yes or no.","language":"en","taken_over":""}}',NULL);
INSERT INTO "stages" VALUES(23,'understand_turn',0,'1.1','done',0,999999574.64,'{"language":"en","wordless":false,"intents":[{"name":"return_items","confidence":0.9995}],"more":[],"slots":{"orders":["u-0"],"skus":[],"dates":[],"amounts":[],"methods":[],"address":null,"everything":false,"choice":0},"angry":false}',NULL);
INSERT INTO "stages" VALUES(24,'carry_out',0,'1.1','done',0,999999576.273,'{"change":"u-0:after-sales","refused":"","handover":""}',NULL);
INSERT INTO "stages" VALUES(24,'decide_turn',0,'1.1','done',0,999999576.234,'{"action":"change","reason":"return_items","request":{"kind":"return","order":"u-0","pieces":["u-lamp"],"method":"pm_card_visa"},"parts":[],"then":[],"besides":[],"after":{"task":null,"later":[],"order":"u-0","options":[],"failures":0,"said":"Return lamp (u-lamp) of order u-0; 19.99 goes back to pm_card_visa. Shall I do that? Please answer yes or no.","language":"en","taken_over":""}}',NULL);
INSERT INTO "stages" VALUES(24,'learn_outcome',0,'1','done',0,999999576.458,'{"outcome":"applied","rule":""}',NULL);
INSERT INTO "stages" VALUES(24,'phrase_turn',0,'1','done',0,999999576.469,'{"text":"","citations":[]}',NULL);
INSERT INTO "stages" VALUES(24,'reply_turn',0,'1.1','done',0,999999576.471,'{"text":"The return is requested for order u-0; you get a label by e-mail.","citations":[],"after":{"task":null,"later":[],"order":"u-0","options":[],"failures":0,"said":"The return is requested for order u-0; you get a label by e-mail.","language":"en","taken_over":""}}',NULL);
INSERT INTO "stages" VALUES(24,'understand_turn',0,'1.1','done',0,999999576.099,'{"language":"en","wordless":false,"intents":[{"name":"affirm","confidence":0.9983}],"more":[],"slots":{"orders":[],"skus":[],"dates":[],"amounts":[],"methods":[],"address":null,"everything":false,"choice":0},"angry":false}',NULL);
INSERT INTO "stages" VALUES(25,'apply_change',0,'1','done',0,999999576.425,'{"status":"return requested"}',NULL);
INSERT INTO "stages" VALUES(26,'carry_out',0,'1.1','done',0,999999576.831,'{"change":"","refused":"","handover":""}',NULL);
INSERT INTO "stages" VALUES(26,'decide_turn',0,'1.1','done',0,999999576.789,'{"action":"confirm","reason":"return_items","request":null,"parts":[{"saying":"confirm return_items","values":{"order":"u-19","method":"pm_card_visa","pieces":"lamp (u-lamp), lamp (u-lamp), lamp (u-lamp), lamp (u-lamp), lamp (u-lamp), lamp (u-lamp), lamp (u-lamp), lamp (u-lamp), lamp (u-lamp), lamp (u-lamp), lamp (u-lamp), lamp (u-lamp), lamp (u-lamp), lamp (u-lamp), lamp (u-lamp), lamp (u-lamp), lamp (u-lamp), lamp (u-lamp), lamp (u-lamp), lamp (u-lamp)","total":"11,000.00","worth":"11,000.00"},"passage":null}],"then":[],"besides":[],"after":{"task":{"name":"return_items","order":"u-19","pieces":["u-lamp","u-lamp","u-lamp","u-lamp","u-lamp","u-lamp","u-lamp","u-lamp","u-lamp","u-lamp","u-lamp","u-lamp","u-lamp","u-lamp","u-lamp","u-lamp","u-lamp","u-lamp","u-lamp","u-lamp"],"new":[],"method":"","address":null,"asked":"confirm"},"later":[],"order":"u-19","options":[],"failures":0,"said":"","language":"en","taken_over":""}}',NULL);
INSERT INTO "stages" VALUES(26,'learn_outcome',0,'1','done',0,999999576.856,'{"outcome":"none","rule":""}',NULL);
INSERT INTO "stages" VALUES(26,'phrase_turn',0,'1','done',0,999999576.882,'{"text":"","citations":[]}',NULL);
INSERT INTO "stages" VALUES(26,'reply_turn',0,'1.1','done',0,999999576.889,'{"text":"Return lamp (u-lamp), lamp (u-lamp), lamp (u-lamp), lamp (u-lamp), lamp (u-lamp), lamp (u-lamp), lamp (u-lamp), lamp (u-lamp), lamp (u-lamp), lamp (u-lamp), lamp (u-lamp), lamp (u-lamp), lamp (u-lamp), lamp (u-lamp), lamp (u-lamp), lamp (u-lamp), lamp (u-lamp), lamp (u-lamp), lamp (u-lamp), lamp (u-lamp) of order u-19; 11,000.00 goes back to pm_card_visa. Shall I do that? Please answer yes or no.","citations":[],"after":{"task":{"name":"return_items","order":"u-19","pieces":["u-lamp","u-lamp","u-lamp","u-lamp","u-lamp","u-lamp","u-lamp","u-lamp","u-lamp","u-lamp","u-lamp","u-lamp","u-lamp","u-lamp","u-lamp","u-lamp","u-lamp","u-lamp","u-lamp","u-lamp"],"new":[],"method":"","address":null,"asked":"confirm"},"later":[],"order":"u-19","options":[],"failures":0,"said":"Return lamp (u-lamp), lamp (u-lamp), lamp (u-lamp), lamp (u-lamp), lamp (u-lamp), lamp (u-lamp), lamp (u-lamp), lamp (u-lamp), lamp (u-lamp), lamp (u-lamp), lamp (u-lamp), lamp (u-lamp), lamp (u-lamp), lamp (u-lamp), lamp (u-lamp), lamp (u-lamp), lamp (u-lamp), lamp (u-lamp), lamp (u-lamp), lamp (u-lamp) of order u-19; 11,000.00 goes back to pm_card_visa. Shall I do that? Please answer yes or no.","language":"en","taken_over":""}}',NULL);
INSERT INTO "stages" VALUES(26,'understand_turn',0,'1.1','done',0,999999576.688,'{"language":"en","wordless":false,"intents":[{"name":"return_items","confidence":0.9977}],"more":[],"slots":{"orders":["u-19"],"skus":[],"dates":[],"amounts":[],"methods":[],"address":null,"everything":true,"choice":0},"angry":false}',NULL);
INSERT INTO "stages" VALUES(27,'carry_out',0,'1.1','done',0,999999577.156,'{"change":"u-19:after-sales","refused":"","handover":""}',NULL);
INSERT INTO "stages" VALUES(27,'decide_turn',0,'1.1','done',0,999999577.081,'{"action":"change","reason":"return_items","request":{"kind":"return","order":"u-19","pieces":["u-lamp","u-lamp","u-lamp","u-lamp","u-lamp","u-lamp","u-lamp","u-lamp","u-lamp","u-lamp","u-lamp","u-lamp","u-lamp","u-lamp","u-lamp","u-lamp","u-lamp","u-lamp","u-lamp","u-lamp"],"method":"pm_card_visa"},"parts":[],"then":[],"besides":[],"after":{"task":null,"later":[],"order":"u-19","options":[],"failures":0,"said":"Return lamp (u-lamp), lamp (u-lamp), lamp (u-lamp), lamp (u-lamp), lamp (u-lamp), lamp (u-lamp), lamp (u-lamp), lamp (u-lamp), lamp (u-lamp), lamp (u-lamp), lamp (u-lamp), lamp (u-lamp), lamp (u-lamp), lamp (u-lamp), lamp (u-lamp), lamp (u-lamp), lamp (u-lamp), lamp (u-lamp), lamp (u-lamp), lamp (u-lamp) of order u-19; 11,000.00 goes back to pm_card_visa. Shall I do that? Please answer yes or no.","language":"en","taken_over":""}}',NULL);
INSERT INTO "stages" VALUES(27,'learn_outcome',0,'1','done',0,999999577.51,'{"outcome":"waiting","rule":""}',NULL);
INSERT INTO "stages" VALUES(27,'phrase_turn',0,'1','done',0,999999577.537,'{"text":"","citations":[]}',NULL);
INSERT INTO "stages" VALUES(27,'reply_turn',0,'1.1','done',0,999999577.549,'{"text":"That much has to be approved by a person first; you will hear from us.","citations":[],"after":{"task":null,"later":[],"order":"u-19","options":[],"failures":0,"said":"That much has to be approved by a person first; you will hear from us.","language":"en","taken_over":""}}',NULL);
INSERT INTO "stages" VALUES(27,'understand_turn',0,'1.1','done',0,999999576.989,'{"language":"en","wordless":false,"intents":[{"name":"affirm","confidence":0.9983}],"more":[],"slots":{"orders":[],"skus":[],"dates":[],"amounts":[],"methods":[],"address":null,"everything":false,"choice":0},"angry":false}',NULL);
INSERT INTO "stages" VALUES(28,'apply_change',0,'1','waiting',0,999999577.394,NULL,'return of USD 11,000.00?');
INSERT INTO "stages" VALUES(29,'carry_out',0,'1.1','done',0,999999578.096,'{"change":"","refused":"","handover":""}',NULL);
INSERT INTO "stages" VALUES(29,'decide_turn',0,'1.1','done',0,999999578.089,'{"action":"ask","reason":"order_status","request":null,"parts":[{"saying":"which order","values":{"order":""},"passage":null}],"then":[],"besides":[],"after":{"task":{"name":"order_status","order":"","pieces":[],"new":[],"method":"","address":null,"asked":"order"},"later":[],"order":"","options":[],"failures":0,"said":"","language":"en","taken_over":""}}',NULL);
INSERT INTO "stages" VALUES(29,'learn_outcome',0,'1','done',0,999999578.099,'{"outcome":"none","rule":""}',NULL);
INSERT INTO "stages" VALUES(29,'phrase_turn',0,'1','done',0,999999578.1,'{"text":"","citations":[]}',NULL);
INSERT INTO "stages" VALUES(29,'reply_turn',0,'1.1','done',0,999999578.103,'{"text":"Which order is it? Please give me its number.","citations":[],"after":{"task":{"name":"order_status","order":"","pieces":[],"new":[],"method":"","address":null,"asked":"order"},"later":[],"order":"","options":[],"failures":0,"said":"Which order is it? Please give me its number.","language":"en","taken_over":""}}',NULL);
INSERT INTO "stages" VALUES(29,'understand_turn',0,'1.1','done',0,999999578.064,'{"language":"en","wordless":false,"intents":[{"name":"order_status","confidence":0.9953}],"more":[],"slots":{"orders":[],"skus":[],"dates":[],"amounts":[],"methods":[],"address":null,"everything":false,"choice":0},"angry":false}',NULL);
INSERT INTO "stages" VALUES(30,'carry_out',0,'1.1','done',0,999999578.19,'{"change":"","refused":"","handover":"d#000002"}',NULL);
INSERT INTO "stages" VALUES(30,'decide_turn',0,'1.1','done',0,999999578.18,'{"action":"hand_over","reason":"asked for","request":null,"parts":[{"saying":"hand over","values":{},"passage":null}],"then":[],"besides":[],"after":{"task":null,"later":[],"order":"","options":[],"failures":0,"said":"Which order is it? Please give me its number.","language":"en","taken_over":"d#000002"}}',NULL);
INSERT INTO "stages" VALUES(30,'learn_outcome',0,'1','done',0,999999578.206,'{"outcome":"none","rule":""}',NULL);
INSERT INTO "stages" VALUES(30,'phrase_turn',0,'1','done',0,999999578.208,'{"text":"","citations":[]}',NULL);
INSERT INTO "stages" VALUES(30,'reply_turn',0,'1.1','done',0,999999578.209,'{"text":"I hand you over to a person. They see what was said here and will answer you.","citations":[],"after":{"task":null,"later":[],"order":"","options":[],"failures":0,"said":"I hand you over to a person. They see what was said here and will answer you.","language":"en","taken_over":"d#000002"}}',NULL);
INSERT INTO "stages" VALUES(30,'understand_turn',0,'1.1','done',0,999999578.175,'{"language":"en","wordless":false,"intents":[{"name":"human","confidence":1.0}],"more":[],"slots":{"orders":[],"skus":[],"dates":[],"amounts":[],"methods":[],"address":null,"everything":false,"choice":0},"angry":false}',NULL);
INSERT INTO "stages" VALUES(31,'await_person',0,'1','waiting',0,999999578.203,NULL,'conversation d: asked for');
INSERT INTO "stages" VALUES(32,'carry_out',0,'1.1','done',0,999999578.283,'{"change":"","refused":"","handover":""}',NULL);
INSERT INTO "stages" VALUES(32,'decide_turn',0,'1.1','done',0,999999578.275,'{"action":"none","reason":"taken over","request":null,"parts":[],"then":[],"besides":[],"after":{"task":null,"later":[],"order":"","options":[],"failures":0,"said":"I hand you over to a person. They see what was said here and will answer you.","language":"en","taken_over":"d#000002"}}',NULL);
INSERT INTO "stages" VALUES(32,'learn_outcome',0,'1','done',0,999999578.311,'{"outcome":"none","rule":""}',NULL);
INSERT INTO "stages" VALUES(32,'phrase_turn',0,'1','done',0,999999578.314,'{"text":"","citations":[]}',NULL);
INSERT INTO "stages" VALUES(32,'reply_turn',0,'1.1','done',0,999999578.315,'{"text":"","citations":[],"after":{"task":null,"later":[],"order":"","options":[],"failures":0,"said":"","language":"en","taken_over":"d#000002"}}',NULL);
INSERT INTO "stages" VALUES(32,'understand_turn',0,'1.1','done',0,999999578.247,'{"language":"en","wordless":false,"intents":[{"name":"greeting","confidence":0.9993}],"more":[],"slots":{"orders":[],"skus":[],"dates":[],"amounts":[],"methods":[],"address":null,"everything":false,"choice":0},"angry":false}',NULL);
INSERT INTO "stages" VALUES(33,'carry_out',0,'1.1','done',0,999999578.449,'{"change":"","refused":"","handover":"e#000001"}',NULL);
INSERT INTO "stages" VALUES(33,'decide_turn',0,'1.1','done',0,999999578.411,'{"action":"hand_over","reason":"asked for","request":null,"parts":[{"saying":"hand over","values":{},"passage":null}],"then":[],"besides":[],"after":{"task":null,"later":[],"order":"","options":[],"failures":0,"said":"","language":"en","taken_over":"e#000001"}}',NULL);
INSERT INTO "stages" VALUES(33,'learn_outcome',0,'1','done',0,999999578.467,'{"outcome":"none","rule":""}',NULL);
INSERT INTO "stages" VALUES(33,'phrase_turn',0,'1','done',0,999999578.469,'{"text":"","citations":[]}',NULL);
INSERT INTO "stages" VALUES(33,'reply_turn',0,'1.1','done',0,999999578.47,'{"text":"I hand you over to a person. They see what was said here and will answer you.","citations":[],"after":{"task":null,"later":[],"order":"","options":[],"failures":0,"said":"I hand you over to a person. They see what was said here and will answer you.","language":"en","taken_over":"e#000001"}}',NULL);
INSERT INTO "stages" VALUES(33,'understand_turn',0,'1.1','done',0,999999578.386,'{"language":"en","wordless":false,"intents":[{"name":"human","confidence":1.0}],"more":[],"slots":{"orders":[],"skus":[],"dates":[],"amounts":[],"methods":[],"address":null,"everything":false,"choice":0},"angry":false}',NULL);
INSERT INTO "stages" VALUES(34,'await_person',0,'1','done',0,999999578.863,'{"by":"Ann","note":"your lamp is on its way"}',NULL);
INSERT INTO "stages" VALUES(35,'carry_out',0,'1.1','done',0,999999578.577,'{"change":"","refused":"","handover":"i#000001"}',NULL);
INSERT INTO "stages" VALUES(35,'decide_turn',0,'1.1','done',0,999999578.518,'{"action":"hand_over","reason":"asked for","request":null,"parts":[{"saying":"hand over","values":{},"passage":null}],"then":[],"besides":[],"after":{"task":null,"later":[],"order":"","options":[],"failures":0,"said":"","language":"en","taken_over":"i#000001"}}',NULL);
INSERT INTO "stages" VALUES(35,'learn_outcome',0,'1','done',0,999999578.599,'{"outcome":"none","rule":""}',NULL);
INSERT INTO "stages" VALUES(35,'phrase_turn',0,'1','done',0,999999578.601,'{"text":"","citations":[]}',NULL);
INSERT INTO "stages" VALUES(35,'reply_turn',0,'1.1','done',0,999999578.602,'{"text":"I hand you over to a person. They see what was said here and will answer you.","citations":[],"after":{"task":null,"later":[],"order":"","options":[],"failures":0,"said":"I hand you over to a person. They see what was said here and will answer you.","language":"en","taken_over":"i#000001"}}',NULL);
INSERT INTO "stages" VALUES(35,'understand_turn',0,'1.1','done',0,999999578.514,'{"language":"en","wordless":false,"intents":[{"name":"human","confidence":1.0}],"more":[],"slots":{"orders":[],"skus":[],"dates":[],"amounts":[],"methods":[],"address":null,"everything":false,"choice":0},"angry":false}',NULL);
INSERT INTO "stages" VALUES(36,'await_person',0,'1','waiting',0,999999578.596,NULL,'conversation i: asked for');
INSERT INTO "stages" VALUES(42,'carry_out',0,'1.1','done',0,999999628.297,'{"change":"","refused":"","handover":""}',NULL);
INSERT INTO "stages" VALUES(42,'decide_turn',0,'1.1','done',0,999999628.288,'{"action":"confirm","reason":"cancel_order","request":null,"parts":[{"saying":"confirm cancel_order","values":{"order":"u-24","method":"pm_card_visa","pieces":"","total":"19.99","worth":"0.00"},"passage":null}],"then":[],"besides":[],"after":{"task":{"name":"cancel_order","order":"u-24","pieces":[],"new":[],"method":"","address":null,"asked":"confirm"},"later":[],"order":"u-24","options":[],"failures":0,"said":"","language":"en","taken_over":""}}',NULL);
INSERT INTO "stages" VALUES(42,'learn_outcome',0,'1','done',0,999999628.3,'{"outcome":"none","rule":""}',NULL);
INSERT INTO "stages" VALUES(42,'phrase_turn',0,'1','done',0,999999628.302,'{"text":"","citations":[]}',NULL);
INSERT INTO "stages" VALUES(42,'reply_turn',0,'1.1','done',0,999999628.31,'{"text":"Order u-24, 19.99 in all. Shall I cancel it? Please answer yes or no.","citations":[],"after":{"task":{"name":"cancel_order","order":"u-24","pieces":[],"new":[],"method":"","address":null,"asked":"confirm"},"later":[],"order":"u-24","options":[],"failures":0,"said":"Order u-24, 19.99 in all. Shall I cancel it? Please answer yes or no.","language":"en","taken_over":""}}',NULL);
INSERT INTO "stages" VALUES(42,'understand_turn',0,'1.1','done',0,999999628.189,'{"language":"en","wordless":false,"intents":[{"name":"cancel_order","confidence":0.9993}],"more":[],"slots":{"orders":["u-24"],"skus":[],"dates":[],"amounts":[],"methods":[],"address":null,"everything":false,"choice":0},"angry":false}',NULL);
INSERT INTO "stages" VALUES(43,'carry_out',0,'1.1','done',0,999999628.341,'{"change":"u-24:cancel","refused":"","handover":""}',NULL);
INSERT INTO "stages" VALUES(43,'decide_turn',0,'1.1','done',0,999999628.336,'{"action":"change","reason":"cancel_order","request":{"kind":"cancel","order":"u-24","reason":"no longer needed"},"parts":[],"then":[],"besides":[],"after":{"task":null,"later":[],"order":"u-24","options":[],"failures":0,"said":"Order u-24, 19.99 in all. Shall I cancel it? Please answer yes or no.","language":"en","taken_over":""}}',NULL);
INSERT INTO "stages" VALUES(43,'learn_outcome',0,'1','done',0,999999628.364,'{"outcome":"applied","rule":""}',NULL);
INSERT INTO "stages" VALUES(43,'understand_turn',0,'1.1','done',0,999999628.327,'{"language":"en","wordless":false,"intents":[{"name":"affirm","confidence":0.9983}],"more":[],"slots":{"orders":[],"skus":[],"dates":[],"amounts":[],"methods":[],"address":null,"everything":false,"choice":0},"angry":false}',NULL);
INSERT INTO "stages" VALUES(44,'apply_change',0,'1','done',0,999999628.359,'{"status":"cancelled"}',NULL);
INSERT INTO "stages" VALUES(45,'carry_out',0,'1.1','done',0,999999675.836,'{"change":"","refused":"","handover":""}',NULL);
INSERT INTO "stages" VALUES(45,'decide_turn',0,'1.1','done',0,999999675.818,'{"action":"confirm","reason":"cancel_order","request":null,"parts":[{"saying":"confirm cancel_order","values":{"order":"u-22","method":"pm_card_visa","pieces":"","total":"19.99","worth":"0.00"},"passage":null}],"then":[],"besides":[],"after":{"task":{"name":"cancel_order","order":"u-22","pieces":[],"new":[],"method":"","address":null,"asked":"confirm"},"later":[],"order":"u-22","options":[],"failures":0,"said":"","language":"en","taken_over":""}}',NULL);
INSERT INTO "stages" VALUES(45,'learn_outcome',0,'1','done',0,999999675.841,'{"outcome":"none","rule":""}',NULL);
INSERT INTO "stages" VALUES(45,'phrase_turn',0,'1','done',0,999999675.842,'{"text":"","citations":[]}',NULL);
INSERT INTO "stages" VALUES(45,'reply_turn',0,'1.1','done',0,999999675.851,'{"text":"Order u-22, 19.99 in all. Shall I cancel it? Please answer yes or no.","citations":[],"after":{"task":{"name":"cancel_order","order":"u-22","pieces":[],"new":[],"method":"","address":null,"asked":"confirm"},"later":[],"order":"u-22","options":[],"failures":0,"said":"Order u-22, 19.99 in all. Shall I cancel it? Please answer yes or no.","language":"en","taken_over":""}}',NULL);
INSERT INTO "stages" VALUES(45,'understand_turn',0,'1.1','done',0,999999675.735,'{"language":"en","wordless":false,"intents":[{"name":"cancel_order","confidence":0.9993}],"more":[],"slots":{"orders":["u-22"],"skus":[],"dates":[],"amounts":[],"methods":[],"address":null,"everything":false,"choice":0},"angry":false}',NULL);
INSERT INTO "stages" VALUES(46,'carry_out',0,'1.1','done',0,999999675.915,'{"change":"u-22:cancel","refused":"","handover":""}',NULL);
INSERT INTO "stages" VALUES(46,'decide_turn',0,'1.1','done',0,999999675.886,'{"action":"change","reason":"cancel_order","request":{"kind":"cancel","order":"u-22","reason":"no longer needed"},"parts":[],"then":[],"besides":[],"after":{"task":null,"later":[],"order":"u-22","options":[],"failures":0,"said":"Order u-22, 19.99 in all. Shall I cancel it? Please answer yes or no.","language":"en","taken_over":""}}',NULL);
INSERT INTO "stages" VALUES(46,'learn_outcome',0,'1','failed',1,999999675.957,NULL,'the change has no row');
INSERT INTO "stages" VALUES(46,'understand_turn',0,'1.1','done',0,999999675.874,'{"language":"en","wordless":false,"intents":[{"name":"affirm","confidence":0.9983}],"more":[],"slots":{"orders":[],"skus":[],"dates":[],"amounts":[],"methods":[],"address":null,"everything":false,"choice":0},"angry":false}',NULL);
INSERT INTO "stages" VALUES(47,'apply_change',0,'1','done',0,999999675.945,'{"status":"cancelled"}',NULL);
INSERT INTO "stages" VALUES(48,'carry_out',0,'1.1','done',0,999999725.039,'{"change":"","refused":"","handover":""}',NULL);
INSERT INTO "stages" VALUES(48,'decide_turn',0,'1.1','done',0,999999725.017,'{"action":"confirm","reason":"cancel_order","request":null,"parts":[{"saying":"confirm cancel_order","values":{"order":"u-23","method":"pm_card_visa","pieces":"","total":"19.99","worth":"0.00"},"passage":null}],"then":[],"besides":[],"after":{"task":{"name":"cancel_order","order":"u-23","pieces":[],"new":[],"method":"","address":null,"asked":"confirm"},"later":[],"order":"u-23","options":[],"failures":0,"said":"","language":"en","taken_over":""}}',NULL);
INSERT INTO "stages" VALUES(48,'learn_outcome',0,'1','done',0,999999725.049,'{"outcome":"none","rule":""}',NULL);
INSERT INTO "stages" VALUES(48,'phrase_turn',0,'1','done',0,999999725.054,'{"text":"","citations":[]}',NULL);
INSERT INTO "stages" VALUES(48,'reply_turn',0,'1.1','done',0,999999725.092,'{"text":"Order u-23, 19.99 in all. Shall I cancel it? Please answer yes or no.","citations":[],"after":{"task":{"name":"cancel_order","order":"u-23","pieces":[],"new":[],"method":"","address":null,"asked":"confirm"},"later":[],"order":"u-23","options":[],"failures":0,"said":"Order u-23, 19.99 in all. Shall I cancel it? Please answer yes or no.","language":"en","taken_over":""}}',NULL);
INSERT INTO "stages" VALUES(48,'understand_turn',0,'1.1','done',0,999999724.928,'{"language":"en","wordless":false,"intents":[{"name":"cancel_order","confidence":0.9993}],"more":[],"slots":{"orders":["u-23"],"skus":[],"dates":[],"amounts":[],"methods":[],"address":null,"everything":false,"choice":0},"angry":false}',NULL);
INSERT INTO "stages" VALUES(49,'carry_out',0,'1.1','done',0,999999725.331,'{"change":"u-23:cancel","refused":"","handover":""}',NULL);
INSERT INTO "stages" VALUES(49,'decide_turn',0,'1.1','done',0,999999725.172,'{"action":"change","reason":"cancel_order","request":{"kind":"cancel","order":"u-23","reason":"no longer needed"},"parts":[],"then":[],"besides":[],"after":{"task":null,"later":[],"order":"u-23","options":[],"failures":0,"said":"Order u-23, 19.99 in all. Shall I cancel it? Please answer yes or no.","language":"en","taken_over":""}}',NULL);
INSERT INTO "stages" VALUES(49,'understand_turn',0,'1.1','done',0,999999725.134,'{"language":"en","wordless":false,"intents":[{"name":"affirm","confidence":0.9983}],"more":[],"slots":{"orders":[],"skus":[],"dates":[],"amounts":[],"methods":[],"address":null,"everything":false,"choice":0},"angry":false}',NULL);
INSERT INTO "stages" VALUES(50,'apply_change',0,'1','done',0,999999725.349,'{"status":"cancelled"}',NULL);
INSERT INTO "stages" VALUES(51,'apply_change',0,'1','failed',0,999999726.014,NULL,'refused, not-pending: u-10');
INSERT INTO "stages" VALUES(56,'clean_partition',0,'1','done',0,999999744.476,'{"rows":384,"good":384,"quarantined":0,"deduplicated":0,"rules":{},"discarded":{},"unknown":[],"gaps":0,"part":"clean/sales/ee8aacd4db59ccbf85b17118dcfc596850c9a01b51bbf00349de64ccb98b76ac/part.parquet","sha256":"5412f953cab546e87ac886c75709a7dc6a69bd35bfc10f9459dced319c3a2a2f","quarantine":""}',NULL);
INSERT INTO "stages" VALUES(56,'collect_partition',0,'1','done',0,999999728.21,'{"raw":["6f99d95fc1edfa4e93cfe97d8ff257a21f1efb4c5226a9cb4d5934b5e64e3139"],"size":14035,"form":".csv"}',NULL);
INSERT INTO "stages" VALUES(57,'clean_partition',0,'1','done',0,999999744.358,'{"rows":384,"good":384,"quarantined":0,"deduplicated":0,"rules":{},"discarded":{},"unknown":[],"gaps":0,"part":"clean/sales/a5ed98ab825c16d28c7c6111763df9b62e55b6a517513d3db229fb6529b329be/part.parquet","sha256":"7f4c0e8297dc98e70a575a819a78124af647fba38c1f694a9584140745dc5185","quarantine":""}',NULL);
INSERT INTO "stages" VALUES(57,'collect_partition',0,'1','done',0,999999728.21,'{"raw":["f6835d572586b08e666375fe6bbfb67dd353920a5a7cb485224e89420a0962a5"],"size":14023,"form":".csv"}',NULL);
INSERT INTO "stages" VALUES(58,'train_candidate',0,'1','done',0,999999759.365,'{"version":"9c176cfb05855864d473918e68648402","candidate":"baseline"}',NULL);
INSERT INTO "stages" VALUES(59,'train_candidate',0,'1','done',0,999999761.404,'{"version":"019874504a556025679f3fa7bef9ef9a","candidate":"linear"}',NULL);
INSERT INTO "stages" VALUES(60,'train_candidate',0,'1','done',0,999999767.845,'{"version":"79a29088c841143e5c444ba4f368c935","candidate":"trees"}',NULL);
INSERT INTO "stages" VALUES(61,'weigh_candidates',0,'1','done',0,999999768.423,'{"best":"019874504a556025679f3fa7bef9ef9a","change":{"version":"019874504a556025679f3fa7bef9ef9a","what":"promoted","why":"gain over the baseline 651.086 [548.672, 753.500]","by":"gate"},"against":null,"drifts":[{"feature":"weekday","psi":1.561952,"p":1.9563043538588324e-9},{"feature":"price","psi":0.032889,"p":0.3380369251887632},{"feature":"shop","psi":0.0,"p":1.0}]}',NULL);
INSERT INTO "stages" VALUES(61,'write_report',0,'1','done',0,999999771.863,'{"file":"data/analysis/sales/report.html","sha256":"1621d7be18e85ffbba442d25e0250f825abb03b9e775b879370fe3a3ac1e7ee2"}',NULL);
INSERT INTO "stages" VALUES(62,'clean_partition',0,'1','done',0,999999809.06,'{"rows":384,"good":384,"quarantined":0,"deduplicated":0,"rules":{},"discarded":{},"unknown":[],"gaps":0,"part":"clean/shops/f4ee63cd6446886cf1ef87c237e68efe5aedfc9975322ec91d2e8d28b00b9ea9/part.parquet","sha256":"c7e0be721e8efe20ac64c1de0218b668aa237aa71300c4da90bd3acab3b04e3f","quarantine":""}',NULL);
INSERT INTO "stages" VALUES(62,'collect_partition',0,'1','done',0,999999795.593,'{"raw":["2508dec8a46c86a9987ddaee6b6f9ed3c875cf7a47d08fc90fdb68815c94ffd2"],"size":14055,"form":".csv"}',NULL);
INSERT INTO "stages" VALUES(63,'clean_partition',0,'1','done',0,999999809.14,'{"rows":384,"good":384,"quarantined":0,"deduplicated":0,"rules":{},"discarded":{},"unknown":[],"gaps":0,"part":"clean/shops/a9f4cf4c4477e95a6c901bdb61b0ba9aabe3135cf665a63014c92be3188aca0a/part.parquet","sha256":"d4beddc5f5e708b503f053f4a9e52ddf7b2c2f9936fb71b17e38e3e0848dd592","quarantine":""}',NULL);
INSERT INTO "stages" VALUES(63,'collect_partition',0,'1','done',0,999999795.593,'{"raw":["a7ae26cfc4e6ebdae5fbe1706e6d8060cde1ef761aa9c80c032824a7c0f6b72d"],"size":14028,"form":".csv"}',NULL);
INSERT INTO "stages" VALUES(64,'train_candidate',0,'1','done',0,999999818.109,'{"version":"a909d81a4b813483ab829473e66c4362","candidate":"baseline"}',NULL);
INSERT INTO "stages" VALUES(65,'train_candidate',0,'1','done',0,999999819.516,'{"version":"6ad1356d9fc84ce70423a9324abcb9ad","candidate":"linear"}',NULL);
INSERT INTO "stages" VALUES(66,'train_candidate',0,'1','done',0,999999821.749,'{"version":"84159728fddd17c73e3531c4a4e3736e","candidate":"trees"}',NULL);
INSERT INTO "stages" VALUES(67,'weigh_candidates',0,'1','done',0,999999822.2,'{"best":"6ad1356d9fc84ce70423a9324abcb9ad","change":{"version":"6ad1356d9fc84ce70423a9324abcb9ad","what":"promoted","why":"gain over the baseline 460.173 [400.402, 523.930]","by":"gate"},"against":null,"drifts":[{"feature":"weekday","psi":1.561952,"p":1.9563043538588324e-9},{"feature":"price","psi":0.057358,"p":1.0},{"feature":"shop","psi":0.0,"p":1.0}]}',NULL);
INSERT INTO "stages" VALUES(68,'clean_partition',0,'1','done',0,999999842.02,'{"rows":384,"good":384,"quarantined":0,"deduplicated":0,"rules":{},"discarded":{},"unknown":[],"gaps":0,"part":"clean/stores/eae11495f4667b0841043feacaadaa19687820bf0431e3d7f10fa0c7e21e603d/part.parquet","sha256":"1a07e1830eb6e1b4745b9a15ecc6679711524eec33f30abbdc58743f94ab9fcd","quarantine":""}',NULL);
INSERT INTO "stages" VALUES(68,'collect_partition',0,'1','done',0,999999832.273,'{"raw":["488aa8d5f32146d06259b4d9b450396afdb2a748429dc4b3dccba9a3b2c0b311"],"size":14037,"form":".csv"}',NULL);
INSERT INTO "stages" VALUES(69,'clean_partition',0,'1','done',0,999999842.02,'{"rows":384,"good":384,"quarantined":0,"deduplicated":0,"rules":{},"discarded":{},"unknown":[],"gaps":0,"part":"clean/stores/a8e43d0ec57120ce2c06caeafad8b914c35d3ffa76c9f36812abe5a10d6e7534/part.parquet","sha256":"a2fbcbe23a0117af12d9829334c399536fd34e96d390f7e62a3d2d628cc4d7e0","quarantine":""}',NULL);
INSERT INTO "stages" VALUES(69,'collect_partition',0,'1','done',0,999999832.273,'{"raw":["92c081839b79d8a67dcfbd6b7c55a28f1f6ce5881c378dc0ba7f7e0178b344b6"],"size":14011,"form":".csv"}',NULL);
INSERT INTO "stages" VALUES(71,'train_candidate',0,'1','done',0,999999846.051,'{"version":"75e6c5623229106384a6e2bbff3ca3ba","candidate":"linear"}',NULL);
INSERT INTO "stages" VALUES(73,'clean_partition',0,'1','done',0,999999879.385,'{"rows":384,"good":384,"quarantined":0,"deduplicated":0,"rules":{},"discarded":{},"unknown":[],"gaps":0,"part":"clean/kiosks/22eaf188d8d9931f576ec26e3ceea5fa10b3d7f7128826d104e346d3cd7d7d8e/part.parquet","sha256":"975fb80b41adc4aee766284b16e2a421469849f7ee6e2a47dad03196c955aae7","quarantine":""}',NULL);
INSERT INTO "stages" VALUES(73,'collect_partition',0,'1','done',0,999999864.814,'{"raw":["6183ae907a2fed678cc2745cb753a81edbb11b70326866a51b256a18544f3bff"],"size":14050,"form":".csv"}',NULL);
INSERT INTO "stages" VALUES(74,'clean_partition',0,'1','done',0,999999879.537,'{"rows":384,"good":384,"quarantined":0,"deduplicated":0,"rules":{},"discarded":{},"unknown":[],"gaps":0,"part":"clean/kiosks/d3d9f99da3e61c1fedf0bed483156690fc22a21282919b31a8e1aaec2c2ddd80/part.parquet","sha256":"c18d6ead4777eb052c6c346e4029a703e5e6ba30d974236d1c7646a9631d473f","quarantine":""}',NULL);
INSERT INTO "stages" VALUES(74,'collect_partition',0,'1','done',0,999999864.814,'{"raw":["e61264565d6eafef04587a12b474689aaba28278c4b4067a42c2e809568e2699"],"size":14027,"form":".csv"}',NULL);
INSERT INTO "stages" VALUES(75,'train_candidate',0,'1','done',0,999999894.095,'{"version":"dd7b1c13afce26cc971dd3dab35e4dfd","candidate":"baseline"}',NULL);
INSERT INTO "stages" VALUES(76,'train_candidate',0,'1','done',0,999999894.336,'{"version":"0c1caa982a7110f577ab2d255d04b846","candidate":"linear"}',NULL);
INSERT INTO "stages" VALUES(77,'train_candidate',0,'1','done',0,999999902.024,'{"version":"91ff1052add05fcc9a2651468ed3482a","candidate":"trees"}',NULL);
INSERT INTO "stages" VALUES(78,'weigh_candidates',0,'1','failed',1,999999934.112,NULL,'data/analysis/kiosks/models/0c1caa982a7110f577ab2d255d04b846/reference.parquet');
INSERT INTO "stages" VALUES(79,'clean_partition',0,'1','failed',0,999999949.363,NULL,'no column ''at'', which is required; there are id, surprise: agree on a new contract or mend the source');
INSERT INTO "stages" VALUES(79,'collect_partition',0,'1','done',0,999999934.67,'{"raw":["5ea7f2e3baffd5a67b04041f398844b958485151b6931d7dfc5f65c963e7775c"],"size":16,"form":".csv"}',NULL);
INSERT INTO "stages" VALUES(80,'collect_partition',0,'1','done',0,999999967.6,'{"raw":["48204c37602c3094019687036b96249412500263de719442ff076b86a4e7b4a0"],"size":107,"form":".csv"}',NULL);
CREATE TABLE subscriptions (
	topic TEXT NOT NULL, 
	grp TEXT NOT NULL, 
	since DOUBLE NOT NULL, 
	PRIMARY KEY (topic, grp)
);
INSERT INTO "subscriptions" VALUES('orders.ended','accounting',999999432.318);
INSERT INTO "subscriptions" VALUES('stock.low','purchasing',999999983.992);
INSERT INTO "subscriptions" VALUES('price','answers',999999983.993);
CREATE INDEX items_owner ON items (owner) WHERE owner IS NOT NULL;
CREATE INDEX items_waiting ON items (scenario, state, retry_at);
CREATE INDEX items_ready ON items (scenario, rank, id) WHERE state = 'pending' AND retry_at IS NULL AND deaths = 0;
CREATE INDEX items_suspected ON items (scenario, deaths) WHERE state = 'pending' AND deaths > 0;
CREATE INDEX items_accepted ON items (scenario, accepted_at);
CREATE INDEX items_ended ON items (scenario, ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX messages_topic ON messages (topic, at);
CREATE INDEX messages_item ON messages (item, topic, sequence);
CREATE INDEX messages_unpublished ON messages (relay_at) WHERE epoch IS NULL;
COMMIT;
