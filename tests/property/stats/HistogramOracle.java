/* SPDX-License-Identifier: Apache-2.0 */
/* Says what HdrHistogram's own library makes of samples, for test_histogram_java.c.
 *
 * Input, four lines a case: "value:count ..." in us; percentiles; our base64; our log line.
 * Output, one line a case: count, min, max, mean, standard deviation, whether our base64 decodes to
 * the same histogram, whether its plain form is the same bytes, whether the log reader reads the same,
 * then a value a percentile. */
import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.FileReader;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Base64;
import java.util.zip.Inflater;
import org.HdrHistogram.Histogram;
import org.HdrHistogram.HistogramLogReader;

public class HistogramOracle {
	static final long HIGHEST_US = 3600000000L;

	static Histogram record(String samples) {
		Histogram histogram = new Histogram(1, HIGHEST_US, 3);
		for (String sample : samples.trim().split(" ")) {
			if (sample.isEmpty())
				continue;
			String[] parts = sample.split(":");
			long value = Math.min(Long.parseLong(parts[0]), HIGHEST_US);
			histogram.recordValueWithCount(value, Long.parseLong(parts[1]));
		}
		return histogram;
	}

	static boolean decodesEqual(Histogram histogram, byte[] compressed) throws Exception {
		Histogram decoded = Histogram.decodeFromCompressedByteBuffer(ByteBuffer.wrap(compressed), 0);
		return decoded.equals(histogram) && decoded.getHighestTrackableValue() == HIGHEST_US
			&& decoded.getLowestDiscernibleValue() == 1 && decoded.getNumberOfSignificantValueDigits() == 3;
	}

	static boolean samePlainBytes(Histogram histogram, byte[] compressed) throws Exception {
		ByteBuffer expected = ByteBuffer.allocate(histogram.getNeededByteBufferCapacity());
		int size = histogram.encodeIntoByteBuffer(expected);
		Inflater inflater = new Inflater();
		inflater.setInput(compressed, 8, compressed.length - 8);
		byte[] plain = new byte[expected.capacity() + 1];
		int plainSize = inflater.inflate(plain);
		return inflater.finished() && Arrays.equals(Arrays.copyOf(expected.array(), size), Arrays.copyOf(plain, plainSize));
	}

	static boolean readsEqual(Histogram histogram, String line) {
		String log = "#[Histogram log format version 1.3]\n#[StartTime: 0 (seconds since epoch)]\n" + line + "\n";
		HistogramLogReader reader =
			new HistogramLogReader(new ByteArrayInputStream(log.getBytes(StandardCharsets.UTF_8)));
		return histogram.equals(reader.nextIntervalHistogram()) && reader.nextIntervalHistogram() == null;
	}

	public static void main(String[] arguments) throws Exception {
		try (BufferedReader input = new BufferedReader(new FileReader(arguments[0]))) {
			for (String samples; (samples = input.readLine()) != null;) {
				String percentiles = input.readLine();
				byte[] compressed = Base64.getDecoder().decode(input.readLine());
				String logLine = input.readLine();
				Histogram histogram = record(samples);
				StringBuilder line = new StringBuilder();
				line.append(histogram.getTotalCount()).append(' ').append(histogram.getMinValue());
				line.append(' ').append(histogram.getMaxValue()).append(' ').append(histogram.getMean());
				line.append(' ').append(histogram.getStdDeviation());
				line.append(' ').append(decodesEqual(histogram, compressed) ? 1 : 0);
				line.append(' ').append(samePlainBytes(histogram, compressed) ? 1 : 0);
				line.append(' ').append(readsEqual(histogram, logLine) ? 1 : 0);
				for (String percentile : percentiles.trim().split(" "))
					line.append(' ').append(histogram.getValueAtPercentile(Double.parseDouble(percentile)));
				System.out.println(line);
			}
		}
	}
}
