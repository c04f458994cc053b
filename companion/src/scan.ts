/** Look for a QR code through the camera, where the browser can (Shape Detection API). */

interface Detector {
  detect(source: HTMLVideoElement): Promise<readonly { readonly rawValue: string }[]>;
}

declare global {
  interface Window {
    readonly BarcodeDetector?: new (options: { formats: readonly string[] }) => Detector;
  }
}

export interface Scan {
  readonly found: (text: string) => void;
  readonly failed: () => void;
  readonly ended: () => void;
}

const EVERY_MS = 150;

export const canScan = (): boolean => "BarcodeDetector" in window && navigator.mediaDevices !== undefined;

/** Begin; returns what ends it. */
export function scan(video: HTMLVideoElement, told: Scan): () => void {
  let stream: MediaStream | undefined;
  let isOver = false;
  const end = (): void => {
    if (isOver) return;
    isOver = true;
    for (const track of stream?.getTracks() ?? []) track.stop();
    video.srcObject = null;
    told.ended();
  };
  void (async () => {
    try {
      const Kind = window.BarcodeDetector;
      if (!Kind) throw new TypeError("no BarcodeDetector");
      const detector = new Kind({ formats: ["qr_code"] });
      stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
      if (isOver) {
        for (const track of stream.getTracks()) track.stop();
        return;
      }
      video.srcObject = stream;
      await video.play();
      while (!isOver) {
        const [code] = await detector.detect(video);
        if (code) {
          told.found(code.rawValue);
          end();
        }
        await new Promise((resume) => setTimeout(resume, EVERY_MS));
      }
    } catch {
      if (isOver) return;
      told.failed();
      end();
    }
  })();
  return end;
}
