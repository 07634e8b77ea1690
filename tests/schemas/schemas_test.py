#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
# SPDX-License-Identifier: Apache-2.0
"""Holds schemas/*.xml to the golden vectors (every message decoded by the XML alone) and to src/wire (sizes,
offsets and ids of every packed struct). Usage: schemas_test.py REPOSITORY"""

import json
import pathlib
import re
import struct
import sys
import unittest
import xml.etree.ElementTree as ElementTree

ROOT = pathlib.Path(sys.argv.pop(1))
CODES = {"uint8": "B", "uint16": "H", "uint32": "I", "uint64": "Q", "int16": "h", "int32": "i", "int64": "q"}
SCHEMAS = {
    "wire": "tensor_pool_control.xml",
    "driver": "tensor_pool_driver.xml",
    "merge": "tensor_pool_merge.xml",
    "tracelink": "tensor_pool_tracelink.xml",
    "bridge": "tensor_pool_bridge.xml",
    "discovery": "tensor_pool_discovery.xml",
}


class Schema:
    """The messages of one SBE file, and how to decode them."""

    def __init__(self, path):
        root = ElementTree.parse(path).getroot()
        self.id, self.version = int(root.get("id")), int(root.get("version"))
        types = root.find("types")
        self.primitives = {t.get("name"): t for t in types.findall("type")}
        self.enums = {
            e.get("name"): (e.get("encodingType"), {int(v.text): v.get("name") for v in e}) for e in types.findall("enum")
        }
        self.messages = {m.get("name"): m for m in root if m.tag.endswith("}message")}

    def primitive(self, name):
        """(struct code, count) of a type; count 0 for a constant, which takes no bytes."""
        if name in self.enums:
            return CODES[self.enums[name][0]], 1
        if name in self.primitives:
            node = self.primitives[name]
            count = 0 if node.get("presence") == "constant" else int(node.get("length", "1"))
            return CODES[node.get("primitiveType")], count
        return CODES[name], 1

    def size(self, name):
        code, count = self.primitive(name)
        return struct.calcsize("<" + code) * count

    def decode_field(self, field, data, base):
        name = field.get("type")
        code, count = self.primitive(name)
        if count == 0:
            return int(self.primitives[name].text)
        values = list(struct.unpack_from(f"<{count}{code}", data, base + int(field.get("offset"))))
        if name in self.enums:
            # A value that no constant has is the encoding type's null.
            return {"enum": self.enums[name][1].get(values[0], "NULL_VALUE"), "value": values[0]}
        return values[0] if count == 1 else values

    def decode(self, node, data, base, block_length):
        """Fields of a message or group entry at `base`, and the offset behind it."""
        fields, at = {}, base + block_length
        for child in node:
            name = child.get("name")
            if child.tag == "field":
                fields[name] = self.decode_field(child, data, base)
            elif child.tag == "group":
                entry_length, count = struct.unpack_from("<HH", data, at)
                at += 4
                fields[name] = []
                for _ in range(count):
                    entry, at = self.decode(child, data, at, entry_length)
                    fields[name].append(entry)
            elif at < len(data):  # var data; SlotHeader.bin stops before its own
                (length,) = struct.unpack_from("<I", data, at)
                fields[name] = data[at + 4 : at + 4 + length]
                at += 4 + length
        return fields, at


def as_json(value, expected):
    """`value` in the spelling that the vector's JSON uses for `expected`."""
    if isinstance(expected, list) and value and isinstance(value[0], dict):
        return [{k: as_json(v, e[k]) for k, v in x.items()} for x, e in zip(value, expected)]
    if isinstance(value, bytes):
        return {"hex": value.hex()} if isinstance(expected, dict) else value.decode("ascii")
    return str(value) if isinstance(expected, str) else value


class SchemasTest(unittest.TestCase):
    def vectors(self):
        for folder, file in SCHEMAS.items():
            schema = Schema(ROOT / "schemas" / file)
            for path in sorted((ROOT / "tests/vectors" / folder).glob("*.json")):
                yield schema, path, json.loads(path.read_text())

    def test_decodes_every_golden_vector(self):
        seen = set()
        for schema, path, vector in self.vectors():
            with self.subTest(path.name):
                data = path.with_suffix(".bin").read_bytes()
                node, base = schema.messages[vector["message"]], 0
                self.assertEqual(int(node.get("id")), vector["templateId"])
                self.assertEqual(int(node.get("blockLength")), vector["blockLength"])
                self.assertEqual((schema.id, schema.version), (vector["schemaId"], vector["version"]))
                if vector["hasMessageHeader"]:
                    header = (vector["blockLength"], vector["templateId"], schema.id, schema.version)
                    self.assertEqual(struct.unpack_from("<HHHH", data), header)
                    base = 8
                fields, end = schema.decode(node, data, base, vector["blockLength"])
                self.assertEqual(end, len(data))
                for name, expected in vector["fields"].items():
                    value = fields[name]
                    if name == "pad":
                        value = value[0]  # the vectors name the first reserved byte only
                    if name == "headerBytes" and "length" in expected:
                        value, expected = self.embedded(schema, value, expected)
                    self.assertEqual(as_json(value, expected), expected, name)
                seen.add((schema.id, vector["message"]))
        messages = {(s.id, m) for s in map(lambda f: Schema(ROOT / "schemas" / f), SCHEMAS.values()) for m in s.messages}
        self.assertEqual(seen, messages, "every message has a vector")

    def embedded(self, schema, data, expected):
        self.assertEqual(len(data), expected["length"])
        fields, _ = schema.decode(schema.messages["TensorHeader"], data, 8, expected["messageHeader"]["blockLength"])
        fields["pad"] = fields["pad"][0]
        return fields, expected["TensorHeader"]

    def test_names_the_null_of_every_optional_field(self):
        for schema, path, vector in self.vectors():
            if not path.stem.endswith("_nulls"):
                continue
            message = schema.messages[vector["message"]]
            optional = {f.get("name") for f in message if f.get("presence") == "optional"}
            for group in message.findall("group"):
                for i, entry in enumerate(vector["fields"][group.get("name")]):
                    for field in (f for f in group.findall("field") if f.get("presence") == "optional"):
                        optional.add(f"{group.get('name')}[{i}].{field.get('name')}")
                        self.assertEqual(str(entry[field.get("name")]), field.get("nullValue"))
            with self.subTest(path.name):
                self.assertEqual(set(vector["nullFields"]), optional)
                for field in schema.messages[vector["message"]]:
                    if field.get("nullValue"):
                        self.assertEqual(str(vector["fields"][field.get("name")]), field.get("nullValue"))

    def optional_fields(self, node, prefix=""):
        """Names as the vectors spell them: of a group, those of its first entry."""
        names = {prefix + f.get("name") for f in node.findall("field") if f.get("presence") == "optional"}
        for group in node.findall("group"):
            names |= self.optional_fields(group, f"{prefix}{group.get('name')}[0].")
        return names

    def test_agrees_with_the_structs(self):
        checked = set()
        schemas = [Schema(ROOT / "schemas" / file) for file in SCHEMAS.values()]
        names = {"Superblock": "ShmRegionSuperblock", "SlotHeader": "SlotHeader", "TensorHeader": "TensorHeader"}
        for header in sorted((ROOT / "src/wire").glob("*.hpp")):
            text = header.read_text()
            for struct_name, body in re.findall(r"struct (\w+) \{\n(.*?)\n\};", text, re.S):
                message = names.get(struct_name, struct_name.removesuffix("Block"))
                number = dict(re.findall(r"k(SchemaId|TemplateId|BlockLength) = (\d+)", body))
                for schema in schemas:
                    if message not in schema.messages or int(number.get("SchemaId", schema.id)) != schema.id:
                        continue
                    node = schema.messages[message]
                    if "TemplateId" in number:
                        self.assertEqual(int(number["TemplateId"]), int(node.get("id")), message)
                        self.assertEqual(int(number["BlockLength"]), int(node.get("blockLength")), message)
                    self.agree(schema, node, text, struct_name)
                    checked.add((schema.id, message))
                    break
        self.assertEqual(checked, {(s.id, m) for s in schemas for m in s.messages})

    def agree(self, schema, node, text, struct_name):
        offsets = dict(re.findall(rf"offsetof\({struct_name}, (\w+)\) == (\d+)", text))
        end = 0
        for field in node.findall("field"):
            if schema.size(field.get("type")) == 0:
                continue
            name = re.sub(r"(?<=[a-z0-9])([A-Z])", lambda m: "_" + m.group(1).lower(), field.get("name"))
            with self.subTest(f"{struct_name}.{name}"):
                self.assertEqual(int(offsets.pop(name)), int(field.get("offset")))
                self.assertEqual(int(field.get("offset")), end, "packed: no gap, no overlap")
            end = int(field.get("offset")) + schema.size(field.get("type"))
        self.assertEqual(offsets, {}, struct_name)
        self.assertEqual(end, int(node.get("blockLength")), struct_name)


if __name__ == "__main__":
    unittest.main()
