// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "saved_files.hpp"

#include <fstream>
#include <sstream>
#include <stdexcept>

namespace tensorpool::test {
namespace {

constexpr std::size_t kPreamble = 10;  // magic, version, header length

}  // namespace

std::string content_of(const std::string& file) {
    std::ifstream in(file, std::ios::binary);
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
}

void write_content(const std::string& file, const std::string& content) {
    std::ofstream out(file, std::ios::binary | std::ios::trunc);
    out << content;
    if (!out.flush()) throw std::runtime_error(file + ": cannot be written");
}

NpyFile take_npy_apart(const std::string& file) {
    const std::string bytes = content_of(file);
    if (bytes.size() < kPreamble || bytes.substr(0, 8) != std::string("\x93NUMPY\x01\x00", 8))
        throw std::runtime_error(file + ": no .npy of version 1");
    const auto low = static_cast<unsigned char>(bytes[8]);
    const auto high = static_cast<unsigned char>(bytes[9]);
    NpyFile npy;
    npy.header_end = kPreamble + low + std::size_t{256} * high;
    if (npy.header_end > bytes.size() || bytes[npy.header_end - 1] != '\n')
        throw std::runtime_error(file + ": its header does not end");
    npy.header = bytes.substr(kPreamble, npy.header_end - kPreamble - 1);
    npy.header.resize(npy.header.find_last_not_of(' ') + 1);
    npy.data = bytes.substr(npy.header_end);
    return npy;
}

std::string npy_content(const std::string& header, const std::string& data) {
    std::string bytes("\x93NUMPY\x01\x00", 8);
    bytes += static_cast<char>(header.size() & 0xff);
    bytes += static_cast<char>(header.size() >> 8);
    return bytes + header + data;
}

}  // namespace tensorpool::test
