// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "common/tensor_file.hpp"
#include "common/program.hpp"
#include "saved_files.hpp"
#include "support/temp_dir.hpp"

#include <tensorpool/error.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstring>
#include <filesystem>
#include <ostream>
#include <span>
#include <string>

namespace tensorpool {
namespace {

using apps::read_bytes;
using apps::read_npy;
using apps::TensorData;
using apps::write_tensor;
using test::content_of;
using test::npy_content;
using test::NpyFile;
using test::take_npy_apart;
using test::write_content;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

std::span<const std::byte> bytes_of(const std::string& text) {
    return std::as_bytes(std::span(text));
}

std::string text_of(std::span<const std::byte> bytes) {
    std::string text(bytes.size(), '\0');
    if (!bytes.empty()) std::memcpy(text.data(), bytes.data(), bytes.size());
    return text;
}

/// Every stride given, as a reader gets it.
TensorLayout layout_of(Dtype dtype, MajorOrder order, std::initializer_list<std::int32_t> dims,
                       std::initializer_list<std::int32_t> strides) {
    TensorLayout layout;
    layout.dtype = dtype;
    layout.major_order = order;
    layout.ndims = static_cast<std::uint8_t>(dims.size());
    std::copy(dims.begin(), dims.end(), layout.dims.begin());
    std::copy(strides.begin(), strides.end(), layout.strides.begin());
    return layout;
}

class TensorFileTest : public testing::Test {
protected:
    [[nodiscard]] std::string path(const std::string& name) const { return dir.str() + "/" + name; }
    /// What write_tensor() complains about.
    [[nodiscard]] std::string refusal(const std::string& name, const TensorLayout& layout,
                                      const std::string& payload) const {
        try {
            write_tensor(path(name), layout, bytes_of(payload));
        } catch (const Error& error) {
            return error.what();
        }
        return "";
    }
    test::TempDir dir{false};
};

// ---- .npy -----------------------------------------------------------------------------------------------

TEST_F(TensorFileTest, WritesRowMajorElementsAsNumpyExpectsThem) {
    const TensorLayout layout = layout_of(Dtype::UInt16, MajorOrder::Row, {2, 3}, {6, 2});
    write_tensor(path("a.npy"), layout, bytes_of("AaBbCcDdEeFf"));
    const NpyFile npy = take_npy_apart(path("a.npy"));
    EXPECT_EQ(npy.header, "{'descr': '<u2', 'fortran_order': False, 'shape': (2, 3, ), }");
    EXPECT_EQ(npy.data, "AaBbCcDdEeFf");
    EXPECT_EQ(npy.header_end % 64, 0u) << "numpy aligns the data";
}

TEST_F(TensorFileTest, WritesColumnMajorElementsInFortranOrder) {
    const TensorLayout layout = layout_of(Dtype::UInt8, MajorOrder::Column, {2, 3}, {1, 2});
    write_tensor(path("a.npy"), layout, bytes_of("abcdef"));
    const NpyFile npy = take_npy_apart(path("a.npy"));
    EXPECT_THAT(npy.header, HasSubstr("'fortran_order': True, 'shape': (2, 3, )"));
    EXPECT_EQ(npy.data, "abcdef");
}

TEST_F(TensorFileTest, LeavesOutThePaddingBetweenRowsOrColumns) {
    write_tensor(path("row.npy"), layout_of(Dtype::UInt8, MajorOrder::Row, {3, 2}, {4, 1}),
                 bytes_of("ab..cd..ef"));
    EXPECT_EQ(take_npy_apart(path("row.npy")).data, "abcdef");
    write_tensor(path("column.npy"), layout_of(Dtype::UInt8, MajorOrder::Column, {2, 3}, {1, 4}),
                 bytes_of("ab..cd..ef"));
    EXPECT_EQ(take_npy_apart(path("column.npy")).data, "abcdef");
    write_tensor(path("deep.npy"), layout_of(Dtype::UInt16, MajorOrder::Row, {2, 1, 2}, {10, 6, 2}),
                 bytes_of("AaBb......CcDd"));
    EXPECT_EQ(take_npy_apart(path("deep.npy")).data, "AaBbCcDd");
}

TEST_F(TensorFileTest, WritesATensorWithoutElements) {
    write_tensor(path("empty.npy"), layout_of(Dtype::UInt8, MajorOrder::Row, {0, 3}, {3, 1}), {});
    EXPECT_EQ(take_npy_apart(path("empty.npy")).data, "");
}

TEST_F(TensorFileTest, ReadsBackWhatItWroteForEveryElementTypeThatNumpyHas) {
    for (const Dtype dtype :
         {Dtype::UInt8, Dtype::Int8, Dtype::UInt16, Dtype::Int16, Dtype::UInt32, Dtype::Int32, Dtype::UInt64,
          Dtype::Int64, Dtype::Float32, Dtype::Float64, Dtype::Boolean}) {
        for (const MajorOrder order : {MajorOrder::Row, MajorOrder::Column}) {
            const auto size = static_cast<std::int32_t>(element_size(dtype));
            const bool row = order == MajorOrder::Row;
            const TensorLayout layout =
                layout_of(dtype, order, {2, 3}, {row ? 3 * size : size, row ? size : 2 * size});
            std::string payload;
            for (int i = 0; i < 6 * size; ++i) payload += static_cast<char>('A' + i);
            write_tensor(path("a.npy"), layout, bytes_of(payload));
            const TensorData back = read_npy(path("a.npy"));
            EXPECT_EQ(back.layout.dtype, dtype);
            EXPECT_EQ(back.layout.major_order, order) << to_string(dtype);
            EXPECT_EQ(back.layout.ndims, 2);
            EXPECT_EQ(back.layout.dims, layout.dims);
            EXPECT_EQ(text_of(back.bytes), payload) << to_string(dtype);
        }
    }
}

TEST_F(TensorFileTest, ReadsTheSecondVersionOfTheFormat) {
    const std::string header = "{'shape': (4,), 'fortran_order': False, 'descr': '|i1'}\n";
    std::string bytes("\x93NUMPY\x02\x00", 8);
    bytes += static_cast<char>(header.size());
    write_content(path("a.npy"), bytes + std::string(3, '\0') + header + "wxyz");
    const TensorData tensor = read_npy(path("a.npy"));
    EXPECT_EQ(tensor.layout.dtype, Dtype::Int8);
    EXPECT_EQ(tensor.layout.ndims, 1);
    EXPECT_EQ(tensor.layout.dims[0], 4);
    EXPECT_EQ(text_of(tensor.bytes), "wxyz");
}

struct BadNpy {
    const char* name;
    std::string content;
    std::string complaint;
};
std::ostream& operator<<(std::ostream& out, const BadNpy& bad) {
    return out << bad.name;
}

std::string npy_of(const std::string& descr, const std::string& fortran, const std::string& shape,
                   const std::string& data) {
    return npy_content(
        "{'descr': " + descr + ", 'fortran_order': " + fortran + ", 'shape': " + shape + ", }\n", data);
}

class MalformedNpyTest : public TensorFileTest, public testing::WithParamInterface<BadNpy> {};

TEST_P(MalformedNpyTest, IsRefusedInOneLineThatNamesTheFile) {
    write_content(path("bad.npy"), GetParam().content);
    try {
        static_cast<void>(read_npy(path("bad.npy")));
        ADD_FAILURE() << "was read";
    } catch (const Error& error) {
        EXPECT_THAT(error.what(), AllOf(StartsWith(path("bad.npy") + ": "), HasSubstr(GetParam().complaint)));
        EXPECT_THAT(error.what(), Not(HasSubstr("\n")));
    }
}

INSTANTIATE_TEST_SUITE_P(
    Files, MalformedNpyTest,
    testing::Values(
        BadNpy{"Empty", "", "not a .npy file"}, BadNpy{"Text", "a text of some length", "not a .npy file"},
        BadNpy{"OnlyAPreamble", std::string("\x93NUMPY\x01\x00\xff\x00__", 12), "cut short"},
        BadNpy{"HeaderOfFourGigabytes", std::string("\x93NUMPY\x02\x00\xff\xff\xff\xff", 12), "cut short"},
        BadNpy{"UnknownVersion", std::string("\x93NUMPY\x04\x00\x00\x00\x00\x00", 12), "version 4"},
        BadNpy{"NoDictionary", npy_content("hello\n", "x"), "dtype"},
        BadNpy{"BigEndian", npy_of("'>u2'", "False", "(1,)", "xx"), "little-endian"},
        BadNpy{"Structured", npy_of("[('a', '<u2')]", "False", "(1,)", "xx"), "dtype"},
        BadNpy{"Objects", npy_of("'|O'", "False", "(1,)", "x"), "dtype"},
        BadNpy{"OrderMissing", npy_content("{'descr': '|u1', 'shape': (1,), }\n", "x"), "fortran_order"},
        BadNpy{"OrderNeitherTrueNorFalse", npy_of("'|u1'", "maybe", "(1,)", "x"), "fortran_order"},
        BadNpy{"ShapeMissing", npy_content("{'descr': '|u1', 'fortran_order': False, }\n", "x"), "shape"},
        BadNpy{"ShapeWithoutEnd", npy_content("{'descr': '|u1', 'fortran_order': False, 'shape': (1,\n", "x"),
               "shape"},
        BadNpy{"ShapeOfWords", npy_of("'|u1'", "False", "(one,)", "x"), "shape"},
        BadNpy{"Scalar", npy_of("'|u1'", "False", "()", "x"), "scalar"},
        BadNpy{"NegativeExtent", npy_of("'|u1'", "False", "(-1,)", "x"), "extent"},
        BadNpy{"ZeroExtent", npy_of("'|u1'", "False", "(0,)", ""), "extent"},
        BadNpy{"ExtentBeyond31Bits", npy_of("'|u1'", "False", "(2147483648,)", "x"), "extent"},
        BadNpy{"NineDimensions", npy_of("'|u1'", "False", "(1,1,1,1,1,1,1,1,1)", "x"), "8 dimensions"},
        BadNpy{"MoreElementsThanFit64Bits",
               npy_of("'<u8'", "False", "(2147483647, 2147483647, 2147483647)", "x"), "too large"},
        BadNpy{"TooLittleData", npy_of("'<u2'", "False", "(2, 2)", "1234567"),
               "7 bytes of data, its shape needs 8"},
        BadNpy{"TooMuchData", npy_of("'<u2'", "False", "(2, 2)", "123456789"), "9 bytes"}),
    [](const auto& test) { return std::string(test.param.name); });

TEST_F(TensorFileTest, ReadsOnlyRegularFiles) {
    EXPECT_THROW(static_cast<void>(read_bytes(path("missing"))), Error);
    EXPECT_THROW(static_cast<void>(read_bytes(dir.str())), Error);
    ASSERT_EQ(::mkfifo(path("fifo").c_str(), 0600), 0);
    EXPECT_THROW(static_cast<void>(read_bytes(path("fifo"))), Error) << "and does not wait for a writer";
}

// ---- what cannot be written -----------------------------------------------------------------------------

TEST_F(TensorFileTest, RefusesStridesThatLeaveThePayload) {
    const std::string payload(8, 'x');
    for (const TensorLayout& layout :
         {layout_of(Dtype::UInt8, MajorOrder::Row, {2, 4}, {5, 1}),
          layout_of(Dtype::UInt8, MajorOrder::Row, {2, 4}, {-4, 1}),
          layout_of(Dtype::UInt64, MajorOrder::Row, {2}, {1}),
          layout_of(Dtype::UInt8, MajorOrder::Row, {2147483647, 2147483647}, {1, 1}),
          layout_of(Dtype::UInt8, MajorOrder::Row, {-1, -8}, {1, 1})}) {
        EXPECT_THAT(refusal("a.npy", layout, payload), HasSubstr("reach past its payload"));
    }
    EXPECT_FALSE(std::filesystem::exists(path("a.npy")));
}

TEST_F(TensorFileTest, LeavesAnOlderFileAloneWhenTheTensorDoesNotFitTheType) {
    write_content(path("a.png"), "precious");
    write_content(path("a.npy"), "precious");
    const TensorLayout floats = layout_of(Dtype::Float32, MajorOrder::Row, {1, 1}, {4, 4});
    EXPECT_NE(refusal("a.png", floats, "1234"), "");
    const TensorLayout bits = layout_of(Dtype::Bit, MajorOrder::Row, {4}, {1});
    EXPECT_THAT(refusal("a.npy", bits, "1234"), HasSubstr("numpy has no dtype for BIT"));
    EXPECT_EQ(content_of(path("a.png")), "precious");
    EXPECT_EQ(content_of(path("a.npy")), "precious");
}

TEST_F(TensorFileTest, NamesTheFileThatCannotBeWritten) {
    const TensorLayout layout = layout_of(Dtype::UInt8, MajorOrder::Row, {1}, {1});
    EXPECT_EQ(refusal("missing/a.npy", layout, "x"), path("missing/a.npy") + ": No such file or directory");
    std::filesystem::create_directory(path("folder.npy"));
    EXPECT_THAT(refusal("folder.npy", layout, "x"), HasSubstr("directory"));
    EXPECT_TRUE(std::filesystem::exists(path("folder.npy")));
}

TEST_F(TensorFileTest, RefusesFileTypesThatNobodyWritesBeforeAnyFrameArrives) {
    EXPECT_NO_THROW(apps::check_tensor_file_name("a.npy"));
    EXPECT_THROW(apps::check_tensor_file_name("a.jpg"), apps::UsageError);
    EXPECT_THROW(apps::check_tensor_file_name("npy"), apps::UsageError);
}

// ---- PNG ------------------------------------------------------------------------------------------------

#ifdef TP_HAVE_PNG
TEST_F(TensorFileTest, WritesImagesOfOneToFourChannelsAsPng) {
    for (std::int32_t channels = 1; channels <= 4; ++channels) {
        std::string payload;
        for (int i = 0; i < 2 * 3 * channels; ++i) payload += static_cast<char>(7 * i);
        write_tensor(path("a.png"),
                     layout_of(Dtype::UInt8, MajorOrder::Row, {2, 3, channels}, {3 * channels, channels, 1}),
                     bytes_of(payload));
        const test::PngImage image = test::read_png(path("a.png"));
        EXPECT_EQ(image.width, 3u);
        EXPECT_EQ(image.height, 2u);
        EXPECT_EQ(image.channels, channels);
        EXPECT_EQ(image.bit_depth, 8);
        EXPECT_EQ(image.pixels, payload);
    }
}

TEST_F(TensorFileTest, WritesDeepImagesWithPaddedRowsAsPng) {
    write_tensor(path("a.png"), layout_of(Dtype::UInt16, MajorOrder::Row, {2, 2}, {6, 2}),
                 bytes_of("AaBb..CcDd"));
    const test::PngImage image = test::read_png(path("a.png"));
    EXPECT_EQ(image.bit_depth, 16);
    EXPECT_EQ(image.channels, 1);
    EXPECT_EQ(image.pixels, "AaBbCcDd");
}

TEST_F(TensorFileTest, SaysWhatAPngCanHold) {
    const std::string payload(64, 'x');
    for (const TensorLayout& layout : {layout_of(Dtype::Float32, MajorOrder::Row, {2, 2}, {8, 4}),
                                       layout_of(Dtype::UInt8, MajorOrder::Column, {2, 2}, {1, 2}),
                                       layout_of(Dtype::UInt8, MajorOrder::Row, {4}, {1}),
                                       layout_of(Dtype::UInt8, MajorOrder::Row, {2, 2, 5}, {10, 5, 1}),
                                       layout_of(Dtype::UInt8, MajorOrder::Row, {0, 2}, {2, 1})}) {
        EXPECT_THAT(refusal("a.png", layout, payload),
                    AllOf(StartsWith(path("a.png") + ": "), HasSubstr("PNG takes UINT8 or UINT16")));
    }
}
#endif

}  // namespace
}  // namespace tensorpool
