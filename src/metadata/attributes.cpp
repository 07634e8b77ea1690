// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include "metadata/attributes.hpp"

#include <tensorpool/error.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace tensorpool {

const MetadataAttribute* Metadata::find(std::string_view key) const noexcept {
    const auto found = std::find_if(attributes.begin(), attributes.end(),
                                    [&](const MetadataAttribute& a) { return a.key == key; });
    return found == attributes.end() ? nullptr : &*found;
}

namespace metadata {

void require_ascii(std::string_view text, std::string_view what) {
    const auto bad = std::find_if(text.begin(), text.end(), [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return byte < 0x20 || byte > 0x7e;
    });
    if (bad == text.end()) return;
    throw Error(ErrorCode::InvalidArgument,
                fmt::format("metadata: {} has byte 0x{:02x} at {}; printable ASCII is sent (other text goes "
                            "into a value)",
                            what, static_cast<unsigned char>(*bad), bad - text.begin()));
}

void require_valid(const MetadataAttribute& attribute) {
    if (attribute.key.empty() || attribute.format.empty())
        throw Error(ErrorCode::InvalidArgument, "metadata: an attribute needs a key and a format");
    require_ascii(attribute.key, "a key");
    require_ascii(attribute.format, fmt::format("the format of '{}'", attribute.key));
}

std::size_t content_bytes(const std::vector<MetadataAttribute>& attributes) noexcept {
    std::size_t bytes = 0;
    for (const MetadataAttribute& a : attributes) bytes += a.key.size() + a.format.size() + a.value.size();
    return bytes;
}

}  // namespace metadata
}  // namespace tensorpool
